/** The same request for somebody else to send: as a GraphQL document, and as a command. A token is in neither. Pure. */

/** What a purge names. */
export type Target = { readonly pattern: string } | { readonly ids: readonly string[] };

const ANSWER = ['id', 'status', 'matched', 'elapsedMs', 'pods { live acknowledged expired }'];

/** To be pasted into Sandbox or any other client. JSON's strings are GraphQL's. */
export function asGraphQL(target: Target): string {
  const field =
    'pattern' in target
      ? `invalidateCache(pattern: ${JSON.stringify(target.pattern)})`
      : `invalidateDevices(ids: ${JSON.stringify(target.ids)})`;
  return `mutation {\n  ${field} {\n    ${ANSWER.join('\n    ')}\n  }\n}`;
}

/** To be pasted into a POSIX shell that has the token in `$TOKEN`. */
export function asCurl(target: Target, origin: string): string {
  const body = JSON.stringify({ query: asGraphQL(target).replaceAll(/\n */g, ' ') });
  return `curl -sS ${quoted(`${origin}/graphql`)} -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' -d ${quoted(body)}`;
}

/** As one word of a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
