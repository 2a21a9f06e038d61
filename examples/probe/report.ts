import { VERSION } from 'rufus-client';
import type { SandboxOptions } from 'rufus-client/testing';
import type { Finding } from './ground.js';

export interface Results {
  readonly baseUrl: string;
  readonly findings: readonly Finding[];
  /** Where an answer differed from the API document. */
  readonly drift: readonly string[];
  readonly leftBehind: string;
  /** Why it ended early. */
  readonly failure?: string | undefined;
}

export function reportOf({ baseUrl, findings, drift, leftBehind, failure }: Results): string {
  return [
    `# What ${baseUrl} does`,
    `${new Date().toISOString().slice(0, 10)}, rufus-client ${VERSION}, Node ${process.versions.node}`,
    ...(failure === undefined ? [] : [`**The probe ended early: ${failure}**`]),
    ['| Question | Observed | |', '| --- | --- | --- |', ...findings.map(row)].join('\n'),
    '## Where answers differ from the API document',
    drift.length === 0 ? 'Nowhere.' : drift.map((line) => `- ${line}`).join('\n'),
    '## Left behind',
    leftBehind,
    '## A sandbox that answers alike',
    `\`npx -p rufus-client rufus-sandbox${sandboxArguments(findings)}\``,
  ].join('\n\n');
}

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
const row = ({ question, answer, details = '' }: Finding) =>
  `| ${cell(question)} | ${cell(answer)} | ${cell(details)} |`;

function sandboxArguments(findings: readonly Finding[]): string {
  const dialect: SandboxOptions = Object.assign({}, ...findings.map((finding) => finding.dialect));
  return Object.entries(dialect)
    .map(([option, value]) => ` --${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} ${value}`)
    .join('');
}

/** The text without the key, and with tokens and ids cut to their first characters. */
export function masked(text: string, apiKey: string): string {
  return text
    .replaceAll(apiKey, 'the key')
    .replace(/ror-[0-9a-f]{8,}/gi, 'ror-…')
    .replace(/[0-9A-F]{32,}/gi, (token) => `${token.slice(0, 8)}…`);
}
