/** From the name of a model on the Hub to a folder on this machine. */
import { basename, join } from "node:path";
import { SttError } from "../contract/errors.js";
import { ModelCache } from "./cache.node.js";
import { type Choice, chooseRepositories, sourceOf } from "./choose-repository.js";
import { onDisk } from "./disk-error.node.js";
import { avoidsLinks, cacheFolder, httpSettings, isOffline } from "./environment.node.js";
import { checkSpace, type FetchContext, fetchFile } from "./file-fetch.node.js";
import { HttpFailure, toSttError } from "./http-failure.js";
import { headsFolder } from "./model-heads.node.js";
import { type ModelPlan, type PlannedFile, planFromCache, planModel } from "./model-plan.node.js";
import { isCommit } from "./model-reference.js";
import { RangesIgnored } from "./range-request.js";
import { fetchListing, type RepositoryListing } from "./repository.js";
import { DEFAULT_RETRIES, type RetryPolicy } from "./retry.js";
import { TransferMeter } from "./transfer-meter.js";
import type { HubModel, HubOptions } from "./types.js";

/** What tests change. */
export interface Tuning {
  readonly retries?: RetryPolicy;
  readonly openFile?: FetchContext["openFile"];
}

interface Context extends FetchContext {
  readonly withWeights: boolean;
}

/**
 * Brings a model into the cache, unless it is there, and says where it is. The Hub is asked once whether the revision
 * has changed; not for a commit that is complete here, nor offline. Without a connection a model in the cache is used.
 *
 * Errors: ERR_INVALID_ARGUMENT, ERR_HUB_NOT_FOUND, ERR_HUB_ACCESS, ERR_HUB_OFFLINE, ERR_NETWORK, ERR_DOWNLOAD,
 * ERR_DISK_FULL, ERR_FILE_ACCESS, ERR_MODEL_FORMAT, ERR_MODEL_UNSUPPORTED, ERR_ABORTED.
 */
export async function findHubModel(id: string, options: HubOptions = {}, tuning: Tuning = {}): Promise<HubModel> {
  const choices = chooseRepositories(id, options.revision);
  const cache = new ModelCache(cacheFolder(options), avoidsLinks());
  if (isOffline(options)) {
    return fromCache(id, choices, cache, options);
  }
  const [choice] = choices;
  const { plan, path } = await bringModel(choice, cache, options, tuning);
  return { path, source: sourceOf(id, choice, plan) };
}

async function fromCache(
  id: string,
  choices: readonly Choice[],
  cache: ModelCache,
  { weights = true }: HubOptions,
): Promise<HubModel> {
  for (const choice of choices) {
    const plan = await planFromCache(cache, choice.reference, choice.revision, weights);
    if (plan !== undefined) {
      return { path: await modelPath(cache, plan), source: sourceOf(id, choice, plan) };
    }
  }
  const names = choices.map(({ reference, revision }) => `${reference.repository}@${revision}`).join(" or ");
  throw new SttError("ERR_HUB_OFFLINE", `${names} is not, or not completely, in ${cache.folder}`, {
    remedy: "Download it with a connection, without HF_HUB_OFFLINE and local_files_only.",
  });
}

async function bringModel(
  choice: Choice,
  cache: ModelCache,
  options: HubOptions,
  { retries = DEFAULT_RETRIES, openFile }: Tuning,
): Promise<{ plan: ModelPlan; path: string }> {
  const { reference, revision } = choice;
  const { weights = true } = options;
  const cached = await planFromCache(cache, reference, revision, weights);
  const settings = await httpSettings(options, retries);
  const context: Context = {
    settings,
    cache,
    meter: new TransferMeter(options.onProgress),
    signal: options.signal,
    warn: options.onWarning ?? (() => {}),
    withWeights: weights,
    openFile,
  };
  if (cached !== undefined && isCommit(revision)) {
    await complete(context, cached);
    return { plan: cached, path: await modelPath(cache, cached) };
  }
  const what = `${reference.repository}@${revision}`;
  try {
    const plan = await currentPlan(context, choice, cached);
    const heads = await headsOf(context, plan, options.heads);
    if (heads !== undefined) {
      return { plan, path: heads };
    }
    await complete(context, plan);
    return { plan, path: await modelPath(cache, plan) };
  } catch (error) {
    throw toSttError(error, what, settings.token !== undefined);
  }
}

/** undefined: all is here, the whole model is wanted, or the server sends nothing less. */
async function headsOf(context: Context, plan: ModelPlan, heads: HubOptions["heads"]): Promise<string | undefined> {
  const files = [plan, ...plan.others].flatMap((each) => each.files);
  if (heads === undefined || files.every(({ remote }) => remote === undefined)) {
    return undefined;
  }
  try {
    return await headsFolder(silent(context), plan, heads);
  } catch (error) {
    if (error instanceof RangesIgnored) {
      return undefined;
    }
    throw error;
  }
}

/** The plan of what the revision is now, or of what the cache has when the Hub does not say. */
async function currentPlan(context: Context, choice: Choice, cached: ModelPlan | undefined): Promise<ModelPlan> {
  const { settings, signal, warn } = context;
  const { reference, revision } = choice;
  let listing: RepositoryListing;
  try {
    listing = await fetchListing(settings, reference.repository, revision, signal, cached !== undefined);
  } catch (error) {
    if (cached === undefined || !(error instanceof HttpFailure)) {
      throw error;
    }
    warn(`${reference.repository}: ${error.message}; commit ${cached.commit} from the cache is used`);
    return cached;
  }
  if (listing.commit === cached?.commit) {
    return cached;
  }
  const fetch = (file: PlannedFile): Promise<void> => fetchFile(silent(context), file);
  return planModel({ ...context, fetch }, reference, revision, listing);
}

/** Files that are read while the plan is made are reported with all the others later. */
function silent(context: FetchContext): FetchContext {
  return { ...context, meter: new TransferMeter(undefined) };
}

/** Fetches what a plan lacks, one file after another: each uses all connections. */
async function complete(context: Context, plan: ModelPlan): Promise<void> {
  const plans = [plan, ...plan.others];
  const files = plans.flatMap((each) => each.files);
  await checkSpace(context.cache, files);
  for (const { size, remote } of files) {
    context.meter.expect(size);
    context.meter.keep(remote === undefined ? size : 0);
  }
  for (const file of files) {
    await fetchFile(context, file);
  }
  // Last: until now the old commit was the one that is complete. Without its weights the new one is not.
  for (const { repository, revision, commit } of plans) {
    if (context.withWeights || (await context.cache.commitOf(repository, revision)) === undefined) {
      await setCommit(context, repository, revision, commit);
    }
  }
}

async function setCommit({ cache, warn }: FetchContext, repository: string, revision: string, commit: string) {
  try {
    await onDisk(cache.repositoryFolder(repository), () => cache.setCommit(repository, revision, commit));
  } catch (error) {
    // All files are there: a cache that cannot be written is no reason to refuse them.
    warn(error instanceof Error ? error.message : String(error));
  }
}

/** The snapshot; if files of other repositories belong to the model, a folder of links to all of them. */
async function modelPath(cache: ModelCache, plan: ModelPlan): Promise<string> {
  const { repository, commit, entry, others } = plan;
  if (others.length === 0) {
    const folder = cache.snapshotFolder(repository, commit);
    return entry === undefined ? folder : cache.filePath(repository, commit, entry);
  }
  const folder = cache.assembledFolder(repository, commit);
  await onDisk(folder, async () => {
    for (const { repository: owner, commit: ownersCommit, files } of [plan, ...others]) {
      for (const { path } of files) {
        const place = join(folder, owner === repository ? path : basename(path));
        await cache.assemble(cache.filePath(owner, ownersCommit, path), place);
      }
    }
  });
  return entry === undefined ? folder : join(folder, entry);
}
