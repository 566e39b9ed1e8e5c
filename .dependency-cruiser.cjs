/** The TypeScript half of the layering in docs/architecture.md. */
module.exports = {
  forbidden: [
    {
      name: "no-circular",
      comment: "Types may point back: they are gone at run time.",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "api-is-backend-blind",
      comment: "The facade knows the contract, never a concrete backend.",
      severity: "error",
      from: { path: "^ts/(api|model|audio|contract)/" },
      to: { path: "^ts/backend/" },
    },
    {
      name: "contract-stands-alone",
      severity: "error",
      from: { path: "^ts/contract/" },
      to: { path: "^ts/", pathNot: "^ts/contract/" },
    },
    {
      name: "backends-know-the-contract-only",
      severity: "error",
      from: { path: "^ts/backend/" },
      to: { path: "^ts/", pathNot: "^ts/(backend|contract)/" },
    },
    {
      name: "backends-do-not-meet",
      severity: "error",
      from: { path: "^ts/backend/(native|wasm)/" },
      to: { path: "^ts/backend/(native|wasm)/", pathNot: "^ts/backend/$1/" },
    },
    {
      name: "only-the-entries-choose-backends",
      severity: "error",
      from: { path: "^ts/", pathNot: "^ts/(index\\.|backend/)" },
      to: { path: "^ts/backend/" },
    },
    {
      name: "the-hub-knows-errors-only",
      comment: "Which models there are and how files come here has nothing to do with how they are computed.",
      severity: "error",
      from: { path: "^ts/hub/" },
      to: { path: "^ts/", pathNot: "^ts/(hub/|contract/errors\\.ts$)" },
    },
    {
      name: "models-come-from-model-and-api",
      severity: "error",
      from: { path: "^ts/", pathNot: "^ts/(hub|model|api)/" },
      to: { path: "^ts/hub/" },
    },
    {
      name: "the-command-line-is-a-user",
      comment: "The command line uses the package as everybody does: through its entry.",
      severity: "error",
      from: { path: "^ts/cli/" },
      to: { path: "^ts/", pathNot: "^ts/(cli/|index\\.node\\.ts$)" },
    },
    {
      name: "nobody-imports-the-command-line",
      severity: "error",
      from: { path: "^ts/", pathNot: "^ts/cli/" },
      to: { path: "^ts/cli/" },
    },
    {
      name: "node-only-in-node-files",
      comment: "Everything else must also run in a browser.",
      severity: "error",
      from: { path: "^ts/", pathNot: "\\.node\\.ts$|^ts/backend/native/|^ts/cli/" },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "no-development-dependency-at-run-time",
      severity: "error",
      from: { path: "^ts/" },
      to: { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"] },
    },
    { name: "resolvable", severity: "error", from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default", "types"] },
  },
};
