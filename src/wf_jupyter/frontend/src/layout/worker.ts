// What runs in the background: a graph comes in, its plan goes out.
import type { Sketch } from "./layers.ts";
import { plan } from "./layout.ts";

addEventListener("message", ({ data }: MessageEvent<Sketch>) => postMessage(plan(data)));
