/**
 * Builds the image without an engine: reads the Dockerfile and carries out what each stage copies and runs, in empty folders. What it
 * can't do is take a base image: this machine's Node and npm stand in for those of `FROM`. Called by image.test.ts.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';

export interface Instruction {
  /** In capitals. */
  readonly name: string;
  readonly text: string;
}

export interface Stage {
  /** Image and tag. */
  readonly base: string;
  readonly alias: string | undefined;
  readonly instructions: readonly Instruction[];
}

export function readDockerfile(): readonly Stage[] {
  const stages: { base: string; alias: string | undefined; instructions: Instruction[] }[] = [];
  const lines = readFileSync('Dockerfile', 'utf8')
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll(/\\\n/g, ' ')
    .split('\n');
  for (const line of lines.filter((text) => text.trim() !== '')) {
    const [, name, text] = /^(\w+)\s+(.*)$/.exec(line)!;
    const [base = '', , alias] = text!.split(/\s+/);
    if (name === 'FROM') stages.push({ base, alias, instructions: [] });
    else stages.at(-1)!.instructions.push({ name: name!, text: text! });
  }
  return stages;
}

/** What the builder is sent, as .dockerignore has it: it forbids everything, then names what is allowed, without wildcards. */
export function readContext(): readonly string[] {
  const [all, ...allowed] = readFileSync('.dockerignore', 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  if (all !== '*' || allowed.some((line) => !/^![^*?[\]]+$/.test(line)))
    throw new Error('.dockerignore is to begin with `*`; all other lines are `!path`, without wildcards');
  return allowed.map((line) => line.slice(1));
}

/** Builds every stage below `folder`, which everybody can read then. The result is the last one's file system. */
export function buildImage(folder: string): string {
  const context = join(folder, 'context');
  for (const path of readContext()) cpSync(path, join(context, path), { recursive: true });
  const roots = new Map([['', context]]);
  let root = context;
  for (const [index, stage] of readDockerfile().entries()) {
    root = join(folder, `stage-${String(index)}`);
    mkdirSync(root);
    if (stage.alias !== undefined) roots.set(stage.alias, root);
    buildStage(stage, root, roots);
  }
  chmodSync(folder, 0o755);
  return root;
}

function buildStage(stage: Stage, root: string, roots: ReadonlyMap<string, string>): void {
  let workdir = '/';
  for (const { name, text } of stage.instructions) {
    const cwd = join(root, workdir);
    if (name === 'WORKDIR') {
      workdir = resolve(workdir, text);
      mkdirSync(join(root, workdir), { recursive: true });
    } else if (name === 'RUN') run(text, cwd);
    else if (name === 'COPY') copy(text, join(root, workdir), roots);
    else if (!['ENV', 'USER', 'EXPOSE', 'ENTRYPOINT'].includes(name)) throw new Error(`${name} is nothing that this test can do`);
  }
}

function run(command: string, cwd: string): void {
  // Of what was installed with development packages only the build's result is shipped, and 300 MB take a minute to write.
  if (command === 'npm ci') {
    symlinkSync(resolve('node_modules'), join(cwd, 'node_modules'));
    return;
  }
  execute('sh', ['-c', command], cwd);
}

/** A folder's contents, or files into a folder. As hard links, since nothing changes them and 10,000 files take long to write. */
function copy(text: string, workdir: string, roots: ReadonlyMap<string, string>): void {
  const [, from = '', paths] = /^(?:--from=(\S+) )?([^[-].*)$/.exec(text)!;
  const sources = paths!.split(/\s+/);
  const target = join(workdir, sources.pop()!);
  const source = roots.get(from);
  if (source === undefined) throw new Error(`COPY ${text}: there is no stage ${from}`);
  mkdirSync(target, { recursive: true });
  for (const path of sources) {
    const isFolder = statSync(join(source, path)).isDirectory();
    execute('cp', ['-al', isFolder ? `${join(source, path)}/.` : join(source, path), target]);
  }
}

function execute(program: string, args: readonly string[], cwd?: string): void {
  const env = { ...process.env, NODE_ENV: '', npm_config_prefer_offline: 'true', npm_config_audit: 'false' };
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}\n${stdout}${stderr}`);
}
