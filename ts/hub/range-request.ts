/** Requests for the bytes of one file, whose place may have to be asked for again. */
import { type HttpAnswer, type HttpSettings, request, requireSuccess } from "./http.js";
import { HttpFailure } from "./http-failure.js";

export interface RangeSource {
  readonly size: number;
  /** Where the bytes are now; `renew`: the last place is not valid any more. */
  locate(renew: boolean): Promise<string>;
}

/** The server sends the whole file whatever part is asked for. */
export class RangesIgnored extends Error {}

const EXPIRED: ReadonlySet<number> = new Set([401, 403, 404, 410]);

/** The bytes from `start` to before `end`. Errors: HttpFailure, RangesIgnored, ERR_ABORTED. */
export async function* fetchRange(
  settings: HttpSettings,
  source: RangeSource,
  start: number,
  end: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const answer = await fetchLocated(settings, source, { range: `bytes=${start}-${end - 1}` }, signal);
  const { status, headers } = answer.response;
  // 416 for a range inside the file: the server does not know what it has.
  if (status === 200 || status === 416) {
    await answer.close();
    throw new RangesIgnored();
  }
  await requireSuccess(answer);
  const expected = `bytes ${start}-${end - 1}/${source.size}`;
  const found = headers.get("content-range");
  if (found !== expected) {
    await answer.close();
    throw new HttpFailure(`the server sent "${found}" instead of "${expected}"`, { status, isTransient: false });
  }
  yield* exactly(answer.body(), end - start);
}

/** The whole file. Errors: HttpFailure, ERR_ABORTED. */
export async function* fetchWhole(
  settings: HttpSettings,
  source: RangeSource,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const answer = await requireSuccess(await fetchLocated(settings, source, {}, signal));
  yield* exactly(answer.body(), source.size);
}

async function fetchLocated(
  settings: HttpSettings,
  source: RangeSource,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal | undefined,
): Promise<HttpAnswer> {
  const options = { headers, timeout: settings.downloadTimeout, signal };
  const answer = await request(settings, await source.locate(false), options);
  if (!EXPIRED.has(answer.response.status)) {
    return answer;
  }
  // Signed addresses expire; the Hub gives a new one, or says what is wrong.
  await answer.close();
  return request(settings, await source.locate(true), options);
}

/** The chunks as they come; a body of another length than `length` is an error, not a file. */
async function* exactly(body: AsyncIterable<Uint8Array>, length: number): AsyncGenerator<Uint8Array> {
  let received = 0;
  for await (const chunk of body) {
    received += chunk.length;
    if (received > length) {
      throw new HttpFailure(`the server sent more than the ${length} bytes it announced`, { isTransient: false });
    }
    yield chunk;
  }
  if (received < length) {
    throw new HttpFailure(`the connection ended after ${received} of ${length} bytes`, { isTransient: true });
  }
}
