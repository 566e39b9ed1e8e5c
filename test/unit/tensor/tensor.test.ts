import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Tensor, type TensorLike, type TensorType } from "../../../ts/tensor/tensor.js";
import { expectCode } from "../../contract/subject.js";

describe("Tensor", () => {
  const tensor = new Tensor("int64", BigInt64Array.of(1n, 2n, 3n, 4n, 5n, 6n), [2, 3]);

  it("knows its shape and gives nested lists", () => {
    expect(tensor).toMatchObject({ type: "int64", dtype: "int64", dims: [2, 3], size: 6, location: "cpu" });
    expect(tensor.tolist()).toEqual([
      [1n, 2n, 3n],
      [4n, 5n, 6n],
    ]);
    expect(new Tensor("float32", new Float32Array(0), [0]).tolist()).toEqual([]);
    expect(new Tensor("float32", Float32Array.of(0.5), []).item()).toBe(0.5);
  });

  it("gives its rows", () => {
    expect(tensor.at(1).tolist()).toEqual([4n, 5n, 6n]);
    expect(tensor.at(-1).tolist()).toEqual([4n, 5n, 6n]);
    expect([...tensor].map((row) => row.dims)).toEqual([[3], [3]]);
  });

  it("gives its elements where it has no rows, as transformers.js", () => {
    expect([...tensor.at(0)]).toEqual([1n, 2n, 3n]);
    expect([...new Tensor("float32", Float32Array.of(0.5), [])]).toEqual([0.5]);
    expect([...new Tensor("float32", new Float32Array(0), [0])]).toEqual([]);
    expect([...new Tensor("float32", new Float32Array(0), [0, 3])]).toEqual([]);
    expect(Math.max(...new Tensor("int32", Int32Array.of(4, 7), [2]))).toBe(7);
  });

  it("refuses shapes that do not fit", async () => {
    await expectCode(() => new Tensor("int32", new Int32Array(5), [2, 3]), "ERR_INVALID_ARGUMENT");
    await expectCode(() => new Tensor("int32", new Int32Array(4), [-2, -2]), "ERR_INVALID_ARGUMENT");
    await expectCode(() => tensor.at(2), "ERR_INVALID_ARGUMENT");
    await expectCode(() => tensor.at(0.5), "ERR_INVALID_ARGUMENT");
    await expectCode(() => tensor.item(), "ERR_INVALID_ARGUMENT");
  });

  it("refuses types it does not know and data of another type", async () => {
    const half = "float16" as TensorType;
    await expectCode(() => new Tensor(half, new Uint16Array(1), [1]), "ERR_INVALID_ARGUMENT");
    await expectCode(() => new Tensor("float32", [1] as unknown as Float32Array, [1]), "ERR_INVALID_ARGUMENT");
    await expectCode(() => tensor.to(half), "ERR_INVALID_ARGUMENT");
  });
});

describe("views of a tensor", () => {
  const data = Float32Array.from({ length: 24 }, (_, index) => index);
  const tensor = new Tensor("float32", data, [2, 3, 4]);
  const shares = (view: Tensor): boolean => view.data.buffer === data.buffer;

  it("have another shape over the same data", () => {
    expect(tensor.view(6, -1).dims).toEqual([6, 4]);
    expect(tensor.flatten().dims).toEqual([24]);
    expect(tensor.unsqueeze(0).dims).toEqual([1, 2, 3, 4]);
    expect(tensor.unsqueeze(-1).dims).toEqual([2, 3, 4, 1]);
    expect(tensor.unsqueeze(1).squeeze().dims).toEqual([2, 3, 4]);
    expect(tensor.unsqueeze(1).squeeze(1).dims).toEqual([2, 3, 4]);
    expect(tensor.unsqueeze(1).squeeze(0).dims).toEqual([2, 1, 3, 4]);
    expect([tensor.view(24), tensor.flatten(), tensor.unsqueeze(1), tensor.squeeze()].every(shares)).toBe(true);
  });

  it("are parts: one piece is shared, others are copied", () => {
    expect(tensor.slice(1, [1, null]).tolist()).toEqual([
      [16, 17, 18, 19],
      [20, 21, 22, 23],
    ]);
    expect(shares(tensor.slice(1, [1, null]))).toBe(true);
    expect(tensor.slice(null, -1, [0, 2]).tolist()).toEqual([
      [8, 9],
      [20, 21],
    ]);
    expect(shares(tensor.slice(null, -1, [0, 2]))).toBe(false);
    expect(tensor.slice([5, null]).dims).toEqual([0, 3, 4]);
  });

  it("refuse what does not fit", async () => {
    await expectCode(() => tensor.view(5, -1), "ERR_INVALID_ARGUMENT");
    await expectCode(() => tensor.view(-1, -1), "ERR_INVALID_ARGUMENT");
    await expectCode(() => tensor.slice(0, 0, 0, 0), "ERR_INVALID_ARGUMENT");
    await expectCode(() => tensor.slice([2, 1]), "ERR_INVALID_ARGUMENT");
    await expectCode(() => tensor.slice([0, 0.5]), "ERR_INVALID_ARGUMENT");
    await expectCode(() => tensor.permute(0, 1), "ERR_INVALID_ARGUMENT");
    await expectCode(() => tensor.permute(0, 1, 1), "ERR_INVALID_ARGUMENT");
  });

  it("agree with picking every element by its index", () => {
    const shape = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 });
    const ranges = shape.chain((dims) =>
      fc.tuple(
        fc.constant(dims),
        fc.tuple(
          ...dims.map((length) =>
            fc.oneof(
              fc.constant(null),
              fc.integer({ min: -length, max: length - 1 }),
              fc.tuple(fc.integer({ min: 0, max: length }), fc.constant(null)),
            ),
          ),
        ),
      ),
    );
    fc.assert(
      fc.property(ranges, ([dims, parts]) => {
        const size = dims.reduce((product, dim) => product * dim, 1);
        const whole = new Tensor(
          "int32",
          Int32Array.from({ length: size }, (_, index) => index),
          dims,
        );
        expect(whole.slice(...parts).tolist()).toEqual(listed(pick(whole.tolist(), parts)));
        const order = dims.map((_, dim) => dim).reverse();
        expect(whole.permute(...order).permute(...order)).toEqual(whole);
      }),
    );
  });
});

/** The same part of nested lists, one dimension after the other. */
function pick(list: unknown, [range, ...rest]: readonly (number | readonly [number, null] | null)[]): unknown {
  if (!Array.isArray(list)) {
    return list;
  }
  if (typeof range === "number") {
    return pick(list.at(range), rest);
  }
  return list.slice(range?.[0] ?? 0).map((entry: unknown) => pick(entry, rest));
}

/** A tensor without dimensions gives its one element as a list. */
function listed(entry: unknown): unknown {
  return Array.isArray(entry) ? entry : [entry];
}

describe("other types of a tensor", () => {
  it("are converted element by element", () => {
    const floats = new Tensor("float32", Float32Array.of(-1.7, 0, 2.5), [3]);
    expect(floats.to("int64").tolist()).toEqual([-1n, 0n, 2n]);
    expect(floats.to("bool").tolist()).toEqual([1, 0, 1]);
    expect(floats.to("int64").to("float64").tolist()).toEqual([-1, 0, 2]);
    expect(floats.to("float32")).toBe(floats);
    expect(floats.clone().data).not.toBe(floats.data);
  });

  it("refuse what has no whole value", async () => {
    const nan = new Tensor("float32", Float32Array.of(Number.NaN), [1]);
    await expectCode(() => nan.to("int64"), "ERR_INVALID_ARGUMENT");
  });
});

describe("tensors of another library", () => {
  // What a tensor of transformers.js looks like from outside.
  class Foreign {
    readonly type = "float32";
    readonly location = "cpu";
    readonly dims = [1, 2];
    readonly data = Float32Array.of(1, 2);
    get size(): number {
      return this.data.length;
    }
  }

  it("become ours and share their data", () => {
    const foreign: TensorLike<"float32"> = new Foreign();
    expect(Tensor.isLike(foreign)).toBe(true);
    expect(Tensor.from(foreign).tolist()).toEqual([[1, 2]]);
    expect(Tensor.from(foreign).data).toBe(foreign.data);
    const own = new Tensor("bool", Uint8Array.of(1), [1]);
    expect(Tensor.from(own)).toBe(own);
  });

  it("are told from other values", () => {
    const others = [null, 3, "x", [], { type: "float32", data: [1], dims: [1] }, { type: "float16" }];
    expect(others.filter((value) => Tensor.isLike(value))).toEqual([]);
  });
});
