import { describe, expect, it } from "vitest";
import { Tensor } from "../../../ts/model/tensor.js";
import { expectCode } from "../../contract/subject.js";

describe("Tensor", () => {
  const tensor = new Tensor("int64", BigInt64Array.of(1n, 2n, 3n, 4n, 5n, 6n), [2, 3]);

  it("knows its shape and gives nested lists", () => {
    expect(tensor).toMatchObject({ type: "int64", dims: [2, 3], size: 6 });
    expect(tensor.tolist()).toEqual([
      [1n, 2n, 3n],
      [4n, 5n, 6n],
    ]);
    expect(new Tensor("float32", new Float32Array(0), [0]).tolist()).toEqual([]);
  });

  it("gives its rows", () => {
    expect(tensor.at(1).tolist()).toEqual([4n, 5n, 6n]);
    expect([...tensor].map((row) => row.dims)).toEqual([[3], [3]]);
  });

  it("refuses shapes that do not fit", async () => {
    await expectCode(() => new Tensor("int32", new Int32Array(5), [2, 3]), "ERR_INVALID_ARGUMENT");
    await expectCode(() => new Tensor("int32", new Int32Array(4), [-2, -2]), "ERR_INVALID_ARGUMENT");
    await expectCode(() => tensor.at(2), "ERR_INVALID_ARGUMENT");
  });
});
