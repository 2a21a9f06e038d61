// Who uses the package: each a small project of consumers/, with what it installs beside the package and how it is run.

export interface Consumer {
  readonly name: string;
  /** Its folder in consumers/. */
  readonly template: string;
  readonly type?: 'module' | 'commonjs';
  /** Version of the `node` that installs and runs it. Default: the one that runs this. */
  readonly node?: string;
  /** Installed beside the package. */
  readonly packages?: Readonly<Record<string, string>>;
  /** Major of the undici that the package itself gets. Default: what npm picks. */
  readonly undici?: string;
  /** It cannot load the package, and shows how that is told. */
  readonly isRefused?: true;
  /** Over the strict settings that all have. */
  readonly compilerOptions?: Readonly<Record<string, unknown>>;
  /** Commands, run in order; `{outside}` is a folder from which nothing installed can be seen, `{tarball}` the package. */
  readonly steps: readonly (readonly string[])[];
}

const RUN = ['node', 'index.js'];
const COMPILE = ['tsc', '--pretty', 'false', '--project'];
const RUN_COMPILED = ['node', 'out/index.js'];

const NODES = ['20.18.1', '20', '22', '24', '26'];
const TYPESCRIPTS = ['5.9', '6', '7'];
const MSW = { msw: '2.15.0' };
/** As the package's own peers, which are optional. */
const NATS = { '@nats-io/transport-node': '3.4.0', '@nats-io/jetstream': '3.4.0', '@nats-io/kv': '3.4.0' };
const TYPES = { '@types/node': '20' };
const VITEST = { ...MSW, vitest: '4.1.12', undici: '7' };

const plain = NODES.flatMap((node): Consumer[] => [
  { name: `node${node}-esm`, template: 'esm', node, steps: [RUN] },
  { name: `node${node}-cjs`, template: 'cjs', type: 'commonjs', node, steps: [RUN] },
]);

const testing = NODES.map(
  (node): Consumer => ({
    name: `node${node}-testing`,
    template: 'testing',
    type: 'commonjs',
    node,
    packages: MSW,
    steps: [
      ['node', 'index.mjs'],
      ['node', 'import.cjs'],
      // msw is ESM in part, which this one cannot `require`.
      ...(node === '20.18.1' ? [] : [['node', 'require.cjs']]),
    ],
  }),
);

/** The same steps on every runtime. Deno's install script puts its binary in its place; npm does not run it. */
const runtimes: readonly Consumer[] = [
  ...NODES.map(
    (node): Consumer => ({ name: `node${node}-runtime`, template: 'runtime', node, packages: MSW, steps: [RUN] }),
  ),
  {
    name: 'bun-runtime',
    template: 'runtime',
    // The package `bun` itself wants its install script, which npm does not run.
    packages: { ...MSW, '@oven/bun-linux-x64': '1.4.5' },
    steps: [['../node_modules/@oven/bun-linux-x64/bin/bun', 'index.js']],
  },
  {
    name: 'deno-runtime',
    template: 'runtime',
    packages: { ...MSW, deno: '2.9.6' },
    steps: [
      ['node', '../node_modules/deno/install.cjs'],
      ['deno', 'run', '-A', 'index.js'],
    ],
  },
];

/** Over nats-server where there is one. */
const fleets = ['20', '24'].map(
  (node): Consumer => ({
    name: `node${node}-fleet`,
    template: 'fleet',
    node,
    packages: NATS,
    steps: [
      ['node', 'index.mjs'],
      ['node', 'index.cjs'],
    ],
  }),
);

const typed = TYPESCRIPTS.flatMap((version): Consumer[] => {
  const common = {
    template: 'typescript',
    packages: { typescript: version, ...TYPES, ...MSW },
    steps: [[...COMPILE, '.'], RUN_COMPILED, [...COMPILE, 'testing'], ['node', 'out/testing/index.js']],
  };
  const bundler = { module: 'esnext', moduleResolution: 'bundler' };
  return [
    { ...common, name: `ts${version}-nodenext`, compilerOptions: { module: 'nodenext' } },
    { ...common, name: `ts${version}-node16-cjs`, type: 'commonjs', compilerOptions: { module: 'node16' } },
    { ...common, name: `ts${version}-bundler`, compilerOptions: bundler },
    { ...common, name: `ts${version}-loose`, compilerOptions: { module: 'nodenext', strict: false } },
  ];
});

const nestLike: Consumer = {
  name: 'nest-cjs',
  template: 'decorators',
  type: 'commonjs',
  packages: { typescript: '5.9', ...TYPES, 'reflect-metadata': '0.2' },
  compilerOptions: {
    module: 'commonjs',
    // As most NestJS projects have it: subpaths are found by typesVersions, not by exports.
    moduleResolution: 'node10',
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
    // As Nest's own template: zod's types in CommonJS need `esModuleInterop`.
    skipLibCheck: true,
  },
  steps: [[...COMPILE, '.'], RUN_COMPILED],
};

/** [the package's, the user's]; undici 8 needs Node 22.19. */
const agents = [
  ['7', '7'],
  ['7', '8'],
  ['8', '7'],
  ['8', '8'],
].map(
  ([ours = '', theirs = '']): Consumer => ({
    name: `undici${ours}-agent${theirs}`,
    template: 'agent',
    node: '24',
    undici: ours,
    packages: { typescript: '5.9', ...TYPES, undici: theirs },
    compilerOptions: { module: 'nodenext' },
    steps: [
      [...COMPILE, '.'],
      [...RUN_COMPILED, ours, theirs],
    ],
  }),
);

/** undici is CommonJS: in an ESM bundle its `require` has to come from somewhere. */
const REQUIRE = "import{createRequire}from'node:module';const require=createRequire(import.meta.url);";

/** As from a lock file made on a newer Node. */
const misfit: Consumer = {
  name: 'node20-undici8',
  template: 'misfit',
  node: '20',
  undici: '8',
  isRefused: true,
  steps: [RUN],
};

const bundles = (['esm', 'cjs'] as const).map((format): Consumer => {
  const file = `{outside}/bundle.${format === 'esm' ? 'mjs' : 'cjs'}`;
  const banner = format === 'esm' ? [`--banner:js=${REQUIRE}`] : [];
  const flags = ['--bundle', '--platform=node', `--format=${format}`, '--log-level=warning', `--outfile=${file}`];
  return {
    name: `esbuild-${format}`,
    template: 'bundle',
    packages: { esbuild: '0.28' },
    steps: [
      ['esbuild', 'index.js', ...flags, ...banner],
      ['node', file],
    ],
  };
});

/** npm picks the undici that fits the Node, pnpm and yarn do not: on Node 20 they have to be told. */
const HOLD_UNDICI = `fs.writeFileSync('{outside}/package.json', JSON.stringify({
  private: true, pnpm: { overrides: { undici: '7' } }, resolutions: { undici: '7' } }))`;

/** How package managers install the package outside, and where the command is then. */
const MANAGERS = {
  npx: { run: ['npx', '--yes', '--package', '{tarball}', 'rufus'] },
  global: {
    install: ['npm', 'install', '--global', '--no-audit', '--no-fund', '--prefix', '{outside}', '{tarball}'],
    run: ['{outside}/bin/rufus'],
  },
  pnpm: {
    install: ['npx', '--yes', 'pnpm@10.18.0', '--dir', '{outside}', 'add', '{tarball}'],
    run: ['{outside}/node_modules/.bin/rufus'],
  },
  yarn: {
    install: ['npx', '--yes', 'yarn@1.22.22', '--cwd', '{outside}', '--no-lockfile', 'add', 'file:{tarball}'],
    run: ['{outside}/node_modules/.bin/rufus'],
  },
};

/** The command, from where each package manager puts it. */
const commands = [
  ...NODES.map((node): Consumer => ({ name: `node${node}-rufus`, template: 'rufus', node, steps: [RUN] })),
  ...['20', '24'].flatMap((node) =>
    Object.entries<{ install?: string[]; run: string[] }>(MANAGERS).map(([manager, { install, run }]): Consumer => {
      const before = node === '20' ? [['node', '--eval', HOLD_UNDICI]] : [];
      const steps = [...(install === undefined ? [] : [...before, install]), [...RUN, ...run]];
      return { name: `${manager}-node${node}-rufus`, template: 'rufus', node, steps };
    }),
  ),
];

export const CONSUMERS: readonly Consumer[] = [
  { name: 'instanceof', template: 'instanceof', steps: [RUN] },
  { name: 'command', template: 'command', packages: MSW, steps: [RUN] },
  ...commands,
  ...bundles,
  nestLike,
  { name: 'vitest-msw', template: 'vitest-msw', packages: VITEST, steps: [['vitest', 'run']] },
  { name: 'vitest-mock-agent', template: 'vitest-mock-agent', packages: VITEST, steps: [['vitest', 'run']] },
  ...plain,
  ...testing,
  ...runtimes,
  ...fleets,
  ...agents,
  misfit,
  ...typed,
];
