// A module behind `portable:` is a function as text: it returns what that module exports, and needs nothing around it.
declare module "portable:*" {
  const source: string;
  export default source;
}
