/**
 * Makes `schema/operations.ts`, a typed document for every operation in `schema/operations/`, and `src/admin/operations.ts`, the same as
 * text for those that the admin page sends: a browser has no need of GraphQL's parser. Run by `npm run schema`.
 */
import type { CodegenConfig } from '@graphql-codegen/cli';

const TYPES = {
  useTypeImports: true,
  arrayInputCoercion: false,
  strictScalars: true,
  scalars: { ID: 'string', DateTime: 'string' },
};
const OPERATIONS = ['typescript-operations', 'typed-document-node'];
const OF_THE_ADMIN_PAGE = ['cache-*', 'clear-cache', 'explain-*', 'invalidate-*', 'permissions'];

const config: CodegenConfig = {
  schema: 'schema/schema.graphql',
  generates: {
    'schema/operations.ts': { documents: 'schema/operations/*.graphql', plugins: OPERATIONS, config: TYPES },
    'src/admin/operations.ts': {
      documents: OF_THE_ADMIN_PAGE.map((name) => `schema/operations/${name}.graphql`),
      plugins: OPERATIONS,
      config: { ...TYPES, documentMode: 'string' },
    },
  },
};

// The command line tool asks for a default export.
export default config;
