/** The report as a person meets it: in a real browser, from a file, with no network, on screens and a phone. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import { renderHtml } from '../../client/report/html.ts';
import { outcomesDocument } from '../../client/report/outcomes-document.ts';
import { reportDocument } from '../../client/report/report-document.ts';
import { installHostPackages } from '../../lab/host-packages.ts';
import { measureOutcomes } from '../../workflows/domain/outcomes.ts';
import { buildReport, type ReportQuestion } from '../../workflows/domain/report.ts';
import { stored } from '../client/report-kit.ts';
import { HOSTILE, hostile, NAME, rolledBack, succeeded } from '../client/report-stories.ts';
import { CHROMIUM } from './temporal-ui.ts';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
/** WCAG 2 up to 2.2, A and AA, and what axe calls good practice. */
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const WIDTHS = [1280, 360];
const SCHEMES = ['light', 'dark'] as const;

/** All combinations for reports; what is made of the same parts is looked at in two of them. */
function looksAt(name: string) {
  const all = SCHEMES.flatMap((scheme) => WIDTHS.map((width) => ({ scheme, width })));
  return name === 'hostile' || name === 'outcomes' ? all.filter((_, at) => at % 3 === 0) : all;
}

const ENTRIES = stored(rolledBack(), succeeded(), hostile());

/** By name of the page: its HTML. An export of a real rollout, if one is named, is one of them. */
async function pages(): Promise<Readonly<Record<string, string>>> {
  const outcomes = measureOutcomes(ENTRIES, {
    ...{ since: '2026-09-01T00:00:00Z', now: '2026-12-01T00:00:00Z' },
  });
  const real = process.env['TIDEGATE_REPORT_HTML'];
  return {
    succeeded: pageOf({ rollout: NAME, run: 'run-2' }),
    'rolled-back': pageOf({ rollout: NAME, run: 'run-1' }),
    hostile: pageOf({ rollout: HOSTILE }),
    outcomes: renderHtml(outcomesDocument(outcomes)),
    ...(real ? { real: await readFile(real, 'utf8') } : {}),
  };
}

function pageOf(question: ReportQuestion): string {
  const answer = buildReport(ENTRIES, question);
  if (answer.kind === 'Unknown') throw new Error(`no rollout ${question.rollout}`);
  return renderHtml(reportDocument(answer.report));
}

/** A page in a scheme and width, and everything that it asked for or complained of. */
class Reader {
  readonly page: Page;
  readonly complaints: string[] = [];
  readonly requests: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.on('console', (message) => this.complaints.push(message.text()));
    page.on('pageerror', (error) => this.complaints.push(String(error)));
    page.on('request', (request) => this.requests.push(request.url()));
  }

  static async open(
    browser: Browser,
    file: string,
    as: { readonly scheme: 'light' | 'dark'; readonly width: number },
  ): Promise<Reader> {
    const page = await browser.newPage();
    const reader = new Reader(page);
    await page.setViewport({ width: as.width, height: as.width < 500 ? 740 : 900 });
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: as.scheme }]);
    await page.setOfflineMode(true);
    await page.goto(pathToFileURL(file).href);
    return reader;
  }

  /** Opens all that is folded, so that it is looked at as well. */
  async unfold(): Promise<void> {
    await this.page.evaluate(
      'for (const fold of document.querySelectorAll("details")) fold.open = true',
    );
  }

  /** Returns what axe finds wrong, in a line each. */
  async violations(): Promise<readonly string[]> {
    await this.page.evaluate(await readFile(AXE, 'utf8'));
    const run = `axe.run(document, { runOnly: ${JSON.stringify(RULES)}, resultTypes: ['violations'] })`;
    const found = (await this.page.evaluate(
      `${run}.then(({ violations, passes }) => ({ passed: passes.length, violations: violations.map((rule) => rule.id + ': ' + rule.nodes.map((node) => node.target.join(' ') + ' ' + node.failureSummary).slice(0, 3).join('; ')) }))`,
    )) as { readonly passed: number; readonly violations: readonly string[] };
    assert.ok(found.passed > 20, 'axe has looked at hardly anything');
    return found.violations;
  }

  async value(expression: string): Promise<unknown> {
    return await this.page.evaluate(expression);
  }
}

describe('a report in a browser', () => {
  let browser: Browser;
  let folder: string;
  let files: Readonly<Record<string, string>>;

  before(async () => {
    await installHostPackages(['chromium']);
    const named = process.env['TIDEGATE_LAB_PICTURES'];
    folder = named ?? (await mkdtemp(join(tmpdir(), 'tidegate-report-')));
    await mkdir(folder, { recursive: true });
    files = await pages();
    for (const [name, html] of Object.entries(files)) {
      await writeFile(join(folder, `${name}.html`), html);
    }
    browser = await puppeteer.launch({
      executablePath: CHROMIUM,
      // Root may not use its sandbox; it sees no page but these.
      args: ['--no-sandbox', '--disable-dev-shm-usage'],
    });
  });
  after(async () => {
    await browser?.close();
    process.stdout.write(`pictures of reports are in ${folder}\n`);
  });

  it('can be read by everybody in both schemes and widths, and asks for nothing', async () => {
    for (const name of Object.keys(files)) {
      const file = join(folder, `${name}.html`);
      for (const { scheme, width } of looksAt(name)) {
        const what = `${name}, ${scheme}, ${width} px`;
        const reader = await Reader.open(browser, file, { scheme, width });
        const path = join(folder, `report-${name}-${scheme}-${width}.png`) as `${string}.png`;
        await reader.page.screenshot({ path, fullPage: true });
        await reader.unfold();
        assert.deepEqual(await reader.violations(), [], what);
        const wide = await reader.value('document.documentElement.scrollWidth');
        assert.equal(wide, width, `${what}: the page scrolls sideways`);
        assert.deepEqual(reader.complaints, [], what);
        assert.deepEqual(reader.requests, [pathToFileURL(file).href], what);
        await reader.page.close();
      }
    }
  });

  it('would not pass if it were harder to read', async () => {
    const file = join(folder, 'outcomes.html');
    const reader = await Reader.open(browser, file, { scheme: 'light', width: 1280 });
    await reader.value(
      'document.body.style.setProperty("--quiet", "#b9c0c6"); document.querySelector("main").setAttribute("role", "none")',
    );
    const found = (await reader.violations()).map((line) => line.split(':')[0]);
    assert.ok(
      found.includes('color-contrast') && found.includes('landmark-one-main'),
      found.join(', '),
    );
  });

  it('has another ground in the dark, and charts in the size that fits', async () => {
    const file = join(folder, 'succeeded.html');
    const grounds: unknown[] = [];
    for (const scheme of SCHEMES) {
      const reader = await Reader.open(browser, file, { scheme, width: 360 });
      grounds.push(await reader.value('getComputedStyle(document.body).backgroundColor'));
      const shown = `[...document.querySelectorAll('svg.chart')].filter((svg) => svg.getBoundingClientRect().width > 0).map((svg) => svg.classList.contains('narrow'))`;
      const narrow = (await reader.value(shown)) as readonly boolean[];
      assert.deepEqual([narrow.length, narrow.every((fits) => fits)], [5, true]);
      await reader.page.close();
    }
    assert.notEqual(grounds[0], grounds[1]);
  });

  it('runs no script of whoever has written into it', async () => {
    const reader = await Reader.open(browser, join(folder, 'hostile.html'), {
      ...{ scheme: 'light', width: 1280 },
    });
    assert.equal(await reader.value('document.querySelectorAll("img, script, iframe").length'), 0);
    const title = await reader.value('document.querySelector("h1").textContent');
    assert.match(String(title), /^<img src=x onerror="alert\(1\)"><script>/);
  });

  it('is printed with everything that is folded on a screen, and without its contents', async () => {
    const reader = await Reader.open(browser, join(folder, 'rolled-back.html'), {
      ...{ scheme: 'light', width: 1280 },
    });
    await reader.page.emulateMediaType('print');
    assert.equal(
      await reader.value('getComputedStyle(document.querySelector("nav")).display'),
      'none',
    );
    const fold = 'document.querySelector("details table").getBoundingClientRect().height > 20';
    assert.equal(await reader.value(fold), true);
    const path = join(folder, 'report-rolled-back.pdf');
    const pdf = await reader.page.pdf({ path, format: 'A4' });
    assert.equal(Buffer.from(pdf.subarray(0, 5)).toString(), '%PDF-');
  });

  it('can be walked through with the keyboard alone', async () => {
    const reader = await Reader.open(browser, join(folder, 'succeeded.html'), {
      ...{ scheme: 'light', width: 360 },
    });
    const reached: string[] = [];
    const current = `(({ tagName, className, hash }) => [tagName, className, hash].filter(Boolean).join(' '))(document.activeElement)`;
    for (let key = 0; key < 22; key += 1) {
      await reader.page.keyboard.press('Tab');
      reached.push(String(await reader.value(current)));
    }
    assert.equal(reached[0], 'A skip #content');
    assert.ok(reached.includes('A #next') && reached.includes('DIV scroll'), reached.join(', '));
  });
});
