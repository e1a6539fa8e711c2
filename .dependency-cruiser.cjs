/**
 * Which folder of src/ may import which. The arrows point one way:
 * http → response-cache, graphql → devices, cache-admin → cache. `auth` stands beside the domains devices and cache-admin.
 * Run by `npm run check` and by test/architecture.test.ts.
 */

/** @type {import('dependency-cruiser').IForbiddenRuleType[]} */
const arrows = [
  {
    name: 'cache-imports-nothing-of-ours',
    comment: 'cache/ knows no GraphQL, no HTTP and no device: pass in what it needs.',
    from: { path: '^src/cache/' },
    to: { path: '^src/', pathNot: '^src/cache/' },
  },
  {
    name: 'cache-knows-no-graphql-or-http',
    comment: 'cache/ knows no GraphQL and no HTTP.',
    from: { path: '^src/cache/' },
    to: { path: '(^|/)node_modules/(graphql|type-graphql|@apollo/server|fastify|@fastify|@as-integrations)(/|$)' },
  },
  {
    name: 'cache-has-one-front-door',
    comment: 'Outside cache/ only src/cache/cache.ts is imported; export there what others need.',
    from: { path: '^src/', pathNot: '^src/cache/' },
    to: { path: '^src/cache/', pathNot: '^src/cache/cache\\.ts$' },
  },
  {
    name: 'domains-know-no-outside',
    comment: 'devices/, cache-admin/ and auth/ are used by graphql/, response-cache/ and http/, never the other way round.',
    from: { path: '^src/(devices|cache-admin|auth)/' },
    to: { path: '^src/(graphql|http|response-cache)/' },
  },
  {
    name: 'graphql-and-response-cache-know-neither-http-nor-each-other',
    comment: 'Only http/ and app.ts put them together.',
    from: { path: '^src/(graphql|response-cache)/' },
    to: { path: '^src/(http|graphql|response-cache)/', pathNot: '^src/$1/' },
  },
  {
    name: 'tracing-is-loaded-when-asked-for',
    comment: 'Of tracing/ only the types are imported; the rest is loaded by app.ts where the environment asks for traces.',
    from: { path: '^src/', pathNot: '^src/tracing/' },
    to: { path: '^src/tracing/|(^|/)node_modules/@opentelemetry/', pathNot: '^src/tracing/tracing\\.ts$', dynamic: false },
  },
  {
    name: 'app-is-the-top',
    comment: 'Nothing in src/ imports main.ts, and only main.ts imports app.ts.',
    from: { path: '^src/', pathNot: '^src/main\\.ts$' },
    to: { path: '^src/(main|app)\\.ts$' },
  },
  {
    name: 'admin-page-is-a-client',
    comment: 'src/admin/ runs in browsers: it imports nothing of the server, and the server nothing of it.',
    from: { path: '^src/', pathNot: '^src/admin/' },
    to: { path: '^src/admin/' },
  },
  {
    name: 'admin-page-stands-alone',
    comment: 'Browsers load src/admin/ as it is: it imports only itself, and types.',
    from: { path: '^src/admin/' },
    to: { pathNot: '^src/admin/', dependencyTypesNot: ['type-only'] },
  },
  {
    name: 'product-knows-no-tests',
    comment: 'src/ runs without test/, bench/, tools/ and examples/.',
    from: { path: '^src/' },
    to: { path: '^(test|bench|tools|examples)/' },
  },
  {
    name: 'no-cycles',
    comment: 'Files that import each other are one file, or lack a third one that both import.',
    from: {},
    to: { circular: true },
  },
];

/** @type {import('dependency-cruiser').IForbiddenRuleType[]} */
const packages = [
  {
    name: 'nothing-unresolvable',
    comment: 'What is imported must be there and in package.json.',
    from: {},
    to: { couldNotResolve: true, pathNot: '^[.][.]/dist/' },
  },
  {
    name: 'product-needs-dependencies',
    comment: 'src/ may import `dependencies` only (types from anywhere): others are missing in production.',
    from: { path: '^src/' },
    to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
  },
];

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [...arrows, ...packages].map((rule) => ({ ...rule, severity: 'error' })),
  options: {
    doNotFollow: { path: '^node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types', 'default'],
      mainFields: ['module', 'main', 'types', 'typings'],
    },
  },
};
