import { defineConfig } from '@hey-api/openapi-ts';

/**
 * Types and zod schemas of the document's component schemas, and nothing else: no client, and nothing of parameters,
 * whose defaults a client would then send.
 *
 * The resolver holds what the document says of openness, which the plugin by itself does not.
 */
export default defineConfig({
  input: './openapi/rufus.yaml',
  output: { path: 'src/generated', entryFile: false },
  logs: { level: 'silent', file: false },
  parser: {
    patch(document) {
      if (!('components' in document)) return;
      // Nothing is judged by these three.
      const { ErrorAnswer, DeviceDetails, SingleSession, ...schemas } = document.components?.schemas ?? {};
      // What reads a coordinate's text judges it, and takes more spellings: src/core/validation/coordinates.ts.
      const { latitude, longitude } = (schemas.Passing as { properties: Record<string, { pattern?: string }> })
        .properties;
      delete latitude?.pattern;
      delete longitude?.pattern;
      Object.assign(document, { paths: {}, components: { schemas } });
    },
  },
  plugins: [
    '@hey-api/typescript',
    {
      name: 'zod',
      compatibilityVersion: 4,
      definitions: { name: '{{name}}', case: 'PascalCase' },
      dates: { offset: true },
      '~resolvers': {
        // What is sent is closed, and the unknown field is named; what comes is open, and the unknown field survives.
        object(context) {
          const { $, nodes, schema, symbols } = context;
          const closed = schema.additionalProperties !== undefined;
          return $(symbols.z)
            .attr(closed ? 'strictObject' : 'looseObject')
            .call(nodes.shape(context));
        },
      },
    },
  ],
});
