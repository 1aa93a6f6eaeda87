// A module behind `worker:` is the text of that module, bundled as a script of its own.
declare module "worker:*" {
  const source: string;
  export default source;
}
