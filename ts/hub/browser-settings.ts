/** How a browser asks the Hub. */
import { SttError } from "../contract/errors.js";
import type { HttpSettings } from "./http.js";
import { DEFAULT_RETRIES } from "./retry.js";

const DEFAULT_ENDPOINT = "https://huggingface.co";
/** Milliseconds; a phone may take some time to wake its radio. */
const TIMEOUT = 20_000;
/** Each may hold a part of 8 MiB: a phone has little memory beside the model. */
const CONNECTIONS = 2;

let endpoint = DEFAULT_ENDPOINT;

/**
 * Another server that speaks as the Hub does, such as a mirror; without an argument, the Hub itself.
 *
 * @throws SttError ERR_INVALID_ARGUMENT
 */
export function setHubEndpoint(url: string = DEFAULT_ENDPOINT): void {
  if (!/^https?:/i.test(url) || !URL.canParse(url)) {
    throw new SttError("ERR_INVALID_ARGUMENT", `"${url}" is not the address of a Hub`, {
      remedy: `Pass something like ${DEFAULT_ENDPOINT}.`,
    });
  }
  endpoint = url.replace(/\/+$/, "");
}

export function browserSettings(token: string | false | undefined): HttpSettings {
  return {
    endpoint,
    token: token === false ? undefined : token,
    userAgent: undefined,
    redirects: "follow",
    metadataTimeout: TIMEOUT,
    downloadTimeout: TIMEOUT,
    retries: DEFAULT_RETRIES,
    connections: CONNECTIONS,
  };
}
