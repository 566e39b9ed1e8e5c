/** The page: one recording at a time, from the microphone or a file, with one model. */
import { decodeFile, type Microphone, openMicrophone, type Playing, play } from "./audio.js";
import { clock, element, hideProblem, showProblem, showState } from "./dom.js";
import { cancelLoading, currentModel, isLoading, watchModel } from "./model.js";
import { Recording } from "./recording.js";
import { type SaveFormat, save } from "./save.js";
import { Tape } from "./tape.js";
import { type Run, start, transcribeAll } from "./transcribe.js";
import { showWords } from "./words.js";

const recordButton = element("record", HTMLButtonElement);
const recordText = element("record-text", HTMLElement);
const playButton = element("play", HTMLButtonElement);
const cancelButton = element("cancel", HTMLButtonElement);
const openButton = element("open", HTMLButtonElement);
const fileInput = element("recording", HTMLInputElement);
const clockText = element("clock", HTMLElement);
const scroll = element("tape-scroll", HTMLElement);
const tape = new Tape(element("tape", HTMLCanvasElement), scroll, element("tape-width", HTMLElement));
const exportButtons = [...document.querySelectorAll<HTMLButtonElement>("[data-export]")];

let recording = new Recording();
let name = "recording";
let work: AbortController | undefined;
let listening: { readonly run: Run; readonly microphone: Microphone } | undefined;
let playing: Playing | undefined;

function showControls(): void {
  const isListening = listening !== undefined;
  recordButton.disabled = !isListening && (currentModel() === undefined || work !== undefined);
  recordButton.setAttribute("aria-pressed", String(isListening));
  recordText.textContent = isListening ? "Stop" : "Speak";
  openButton.disabled = work !== undefined;
  cancelButton.disabled = work === undefined && !isLoading();
  playButton.disabled = work !== undefined || recording.seconds === 0;
  element("play-text", HTMLElement).textContent = playing === undefined ? "Play" : "Stop";
  element("play-shape", SVGPathElement).setAttribute(
    "d",
    playing === undefined ? "M8 5.5v13l10.5-6.5z" : "M7 7h10v10H7z",
  );
  for (const button of exportButtons) {
    button.disabled = work !== undefined || !recording.words.some((word) => word?.final);
  }
}

function showRecording(words: boolean): void {
  tape.draw();
  clockText.textContent = clock(recording.seconds);
  element("tape-empty", HTMLElement).hidden = recording.seconds > 0;
  if (words) {
    showWords(recording, (seconds) => playFrom(seconds));
  }
}

function begin(title: string): AbortController {
  playing?.stop();
  hideProblem();
  recording = new Recording();
  name = title;
  work = new AbortController();
  tape.show(recording);
  showRecording(true);
  showControls();
  return work;
}

function end(text: string): void {
  work = undefined;
  listening = undefined;
  showState(currentModel() === undefined ? "idle" : "ready", text);
  showRecording(true);
  showControls();
}

/** Runs a job; a cancelled one is no problem. */
async function run(job: AbortController, task: () => Promise<string>): Promise<void> {
  try {
    end(await task());
  } catch (error) {
    if (!job.signal.aborted) {
      showProblem(error);
    }
    end(job.signal.aborted ? "Cancelled" : "Stopped");
  }
}

async function listen(): Promise<void> {
  const stt = currentModel();
  if (stt === undefined) {
    return;
  }
  const job = begin("spoken");
  await run(job, async () => {
    const mine = recording;
    const live = await start(stt, mine, showRecording, job.signal);
    const microphone = await openMicrophone((samples) => {
      live.write(samples);
      recordButton.style.setProperty("--level", String(Math.min(1, mine.lines.at(-1) ?? 0)));
      showRecording(false);
    }).catch((error: unknown) => {
      live.cancel();
      throw error;
    });
    listening = { run: live, microphone };
    job.signal.addEventListener("abort", () => void microphone.stop());
    showState("live", "Listening");
    showControls();
    await live.done.finally(() => microphone.stop());
    showSpeed(stt.capacity().stepMs?.p50);
    return "Ready";
  });
}

/** The words of the last seconds come out before the run is over. */
async function stopListening(): Promise<void> {
  if (listening === undefined) {
    return;
  }
  const { run: live, microphone } = listening;
  listening = undefined;
  showState("busy", "Last words");
  showControls();
  await microphone.stop();
  live.finish();
}

async function transcribe(file: File): Promise<void> {
  const stt = currentModel();
  if (stt === undefined || work !== undefined) {
    return;
  }
  const job = begin(file.name.replace(/\.[^.]*$/, ""));
  await run(job, async () => {
    showState("busy", "Reading the file");
    const samples = await decodeFile(file, job.signal);
    recording.add(samples);
    showRecording(false);
    const began = performance.now();
    const progress = (heard: number): void => {
      showState("busy", `Transcribing, ${Math.round((100 * heard) / recording.seconds)} %`);
      showSpeed((heard * 1000) / (performance.now() - began), "x");
    };
    await transcribeAll(stt, recording, samples, showRecording, progress, job.signal);
    showSpeed((recording.seconds * 1000) / (performance.now() - began), "x");
    return "Ready";
  });
}

/** Milliseconds per frame, or times real time. */
function showSpeed(value: number | undefined, unit: "ms" | "x" = "ms"): void {
  if (value !== undefined && Number.isFinite(value) && value > 0) {
    const times = unit === "x" ? value : 80 / value;
    element("fact-speed", HTMLElement).textContent = `${times.toFixed(1)} times real time`;
  }
}

function playFrom(seconds: number): void {
  playing?.stop();
  if (work !== undefined || recording.seconds === 0) {
    return;
  }
  const mine = play(recording.samples(), seconds, () => {
    if (playing === mine) {
      playing = undefined;
      tape.cursor = undefined;
      tape.draw();
      showControls();
    }
  });
  playing = mine;
  showControls();
  const move = (): void => {
    if (playing !== mine) {
      return;
    }
    tape.cursor = mine.position;
    tape.reveal(mine.position);
    tape.draw();
    requestAnimationFrame(move);
  };
  move();
}

recordButton.addEventListener("click", () => void (listening === undefined ? listen() : stopListening()));
openButton.addEventListener("click", () => fileInput.click());
fileInput.addEventListener("change", () => {
  const [file] = fileInput.files ?? [];
  fileInput.value = "";
  if (file !== undefined) {
    void transcribe(file);
  }
});
playButton.addEventListener("click", () => (playing === undefined ? playFrom(0) : playing.stop()));
cancelButton.addEventListener("click", () => {
  cancelLoading();
  work?.abort();
});
scroll.addEventListener("click", (event) => {
  if (work === undefined && recording.seconds > 0) {
    playFrom(Math.min(tape.secondsAt(event.clientX), Math.max(0, recording.seconds - 0.1)));
  }
});
for (const button of exportButtons) {
  button.addEventListener("click", () => save(recording, button.dataset["export"] as SaveFormat, name));
}

// Files may be dropped anywhere.
const drop = element("drop", HTMLElement);
addEventListener("dragover", (event) => {
  event.preventDefault();
  drop.hidden = work !== undefined;
});
addEventListener("dragleave", (event) => {
  drop.hidden ||= event.relatedTarget === null;
});
addEventListener("drop", (event) => {
  event.preventDefault();
  drop.hidden = true;
  const [file] = event.dataTransfer?.files ?? [];
  if (file !== undefined) {
    void transcribe(file);
  }
});

watchModel(showControls, (error) => {
  showProblem(error);
  showControls();
});
showControls();
