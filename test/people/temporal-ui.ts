/**
 * A person at Temporal's own UI, in a real browser without a screen: fills its forms in with mouse and
 * keys, and reads what it shows. Selectors are those of UI 2.42, which the lab's Temporal brings.
 */
import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import puppeteer, { type Browser, type ElementHandle, type Page } from 'puppeteer-core';

/** Where Debian's package puts it. */
export const CHROMIUM = '/usr/bin/chromium';
const PATIENCE_MS = 30_000;
const LOOK_MS = 200;
/** The page moves while a form folds out, and a click would go astray. */
const SETTLE_MS = 600;

/** Run in a frame of the details: whether its last text ends below the frame. */
const CUT_OFF = `(() => {
  const parts = [...document.querySelectorAll('main td, main p, main li, main code')];
  const last = parts.filter((part) => part.innerText.trim() !== '').at(-1);
  return last !== undefined && last.getBoundingClientRect().bottom > window.innerHeight;
})()`;

/** What the UI says of a message: Sent is all that a signal ever is. */
export interface UiAnswer {
  readonly kind: 'Sent' | 'Refused';
  readonly text: string;
}

export class TemporalUi {
  /** Folder of the pictures that were taken. */
  readonly pictures: string;
  private readonly browser: Browser;
  private readonly page: Page;
  private readonly base: string;
  private taken = 0;

  private constructor(parts: { browser: Browser; page: Page; base: string; pictures: string }) {
    this.browser = parts.browser;
    this.page = parts.page;
    this.base = parts.base;
    this.pictures = parts.pictures;
  }

  /** Opens a browser; pictures go to TIDEGATE_LAB_PICTURES, or to a new folder for temporary files. */
  static async open(port: number): Promise<TemporalUi> {
    const named = process.env['TIDEGATE_LAB_PICTURES'];
    const pictures = named ?? (await mkdtemp(join(tmpdir(), 'tidegate-ui-')));
    await mkdir(pictures, { recursive: true });
    const browser = await puppeteer.launch({
      executablePath: CHROMIUM,
      // Root may not use its sandbox; it sees no page but the UI.
      args: ['--no-sandbox', '--disable-dev-shm-usage'],
      defaultViewport: { width: 1400, height: 1100 },
    });
    const page = await browser.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    const base = `http://127.0.0.1:${port}/namespaces/default/workflows`;
    return new TemporalUi({ browser, page, base, pictures });
  }

  async close(): Promise<void> {
    await this.browser.close();
  }

  /** Takes a picture of what the page shows now; returns its file. */
  async picture(name: string): Promise<string> {
    this.taken += 1;
    const number = String(this.taken).padStart(2, '0');
    const path = join(this.pictures, `${number}-${name}.png`);
    await this.page.screenshot({ path: path as `${string}.png` });
    return path;
  }

  /** Fills in "Start Workflow" and submits it; returns once the UI says that it has started. */
  async startWorkflow(args: {
    readonly id: string;
    readonly type: string;
    readonly taskQueue: string;
    readonly input: string;
  }): Promise<void> {
    const { page } = this;
    await page.goto(`${this.base}/start-workflow`, { waitUntil: 'networkidle2' });
    await page.type('#workflowId', args.id);
    await page.type('#taskQueue', args.taskQueue);
    await page.type('#workflowType', args.type);
    await this.write('', args.input);
    await this.picture('start');
    await this.click('[data-testid="start-workflow-button"]', 'Start Workflow');
    const link = `a[href*="${encodeURIComponent(args.id)}/"]`;
    await this.until(`${args.id} to be started`, async () => {
      await this.refuseErrors();
      return (await page.$(link)) !== null;
    });
    await this.picture('started');
  }

  /** Opens a workflow's page. */
  async show(workflowId: string): Promise<void> {
    const page = `${this.base}/${encodeURIComponent(workflowId)}`;
    await this.page.goto(page, { waitUntil: 'networkidle2' });
    await this.visible('[data-testid="workflow-id-heading"]');
  }

  /** Opens the list of workflows by a query, and returns the ids that it shows. */
  async list(query: string): Promise<readonly string[]> {
    const { page } = this;
    await page.goto(`${this.base}?query=${encodeURIComponent(query)}`, {
      waitUntil: 'networkidle2',
    });
    const links = await page.$$eval('table a[href*="/workflows/"]', (all) =>
      all.map((link) => link.textContent?.trim() ?? ''),
    );
    return [...new Set(links.filter((text) => text.includes('/')))];
  }

  /** Returns what "User Metadata" says of the workflow shown: its summary and its details. */
  async details(): Promise<string> {
    await this.click('#user-metadata-tab');
    await this.visible('iframe[title="output"]');
    await sleep(SETTLE_MS);
    // The UI renders each in a frame of its own.
    const frames = this.page.frames().slice(1);
    const texts = frames.map((frame) => frame.evaluate('document.body.innerText'));
    return (await Promise.all(texts)).join('\n');
  }

  /** Returns whether the end of the current details is cut off. */
  async detailsCutOff(): Promise<boolean> {
    const frames = this.page.frames().slice(1);
    return (await Promise.all(frames.map((frame) => frame.evaluate(CUT_OFF)))).includes(true);
  }

  /** More Actions, Send an Update: chooses the name, writes the argument, submits, reads the answer. */
  async sendUpdate(name: string, argument: object): Promise<UiAnswer> {
    return await this.send('update', name, argument);
  }

  /** More Actions, Send a Signal. */
  async sendSignal(name: string, argument: object): Promise<UiAnswer> {
    return await this.send('signal', name, argument);
  }

  private async send(kind: 'update' | 'signal', name: string, argument: object): Promise<UiAnswer> {
    const { page } = this;
    // On "User Metadata" the key R looks again, and the letter is missing in what is typed.
    await this.click('#history-tab');
    await this.click('button', 'More Actions');
    await this.click(`[data-testid="${kind}-button"]`);
    const form = `#${kind}-confirmation-modal[open]`;
    await this.click(`${form} [data-testid="${kind}-select-button"]`);
    await this.click(`${form} li[role="option"]`, name);
    await this.write(form, JSON.stringify(argument));
    await this.picture(`${kind}-${name}`);
    await this.click(`${form} [data-testid="confirm-modal-button"]`);
    let error = '';
    await this.until(`an answer to ${kind} ${name}`, async () => {
      const alert = await page.$(`${form} [role="alert"].error`);
      error = alert ? await textOf(alert) : '';
      return error !== '' || (await page.$(form)) === null;
    });
    await this.picture(`${kind}-${name}-${error === '' ? 'sent' : 'refused'}`);
    if (error !== '') {
      await page.keyboard.press('Escape');
      await this.until('the form to close', async () => (await page.$(form)) === null);
      return { kind: 'Refused', text: error };
    }
    return { kind: 'Sent', text: '' };
  }

  /** Types JSON into the form's editor, which closes brackets and quotes by itself and lays it out when it is left. */
  private async write(form: string, json: string): Promise<void> {
    const { page } = this;
    await this.click(`${form} .cm-content`.trim());
    await page.keyboard.type(json);
    await page.evaluate('document.activeElement?.blur()');
    await sleep(SETTLE_MS);
    const editor = await this.visible(`${form} .cm-content`.trim());
    const shown = (await textOf(editor)).replace(/\s+/g, ' ');
    const start = JSON.stringify(JSON.parse(json), undefined, 1).replace(/\s+/g, ' ').slice(0, 60);
    if (!shown.startsWith(start)) throw new Error(`the editor shows ${shown.slice(0, 200)}`);
  }

  private async click(selector: string, text = ''): Promise<void> {
    await (await this.visible(selector, text)).click();
    await sleep(SETTLE_MS);
  }

  /** The UI keeps some parts twice, for narrow and for wide screens: the one that is shown counts. */
  private async visible(selector: string, text = ''): Promise<ElementHandle> {
    let found: ElementHandle | undefined;
    await this.until(`${selector} ${text}`, async () => {
      for (const element of await this.page.$$(selector)) {
        if (!(await element.isVisible())) continue;
        if (text !== '' && (await textOf(element)).split('\n')[0] !== text) continue;
        found = element;
        return true;
      }
      return false;
    });
    return found as ElementHandle;
  }

  private async refuseErrors(): Promise<void> {
    const alert = await this.page.$('main [role="alert"].error');
    if (alert && (await alert.isVisible())) throw new Error(await textOf(alert));
  }

  private async until(what: string, look: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while (!(await look())) {
      if (Date.now() > deadline) {
        const path = await this.picture('stuck');
        throw new Error(`waited in vain for ${what}; what the UI shows is in ${path}`);
      }
      await sleep(LOOK_MS);
    }
  }
}

/** As a person sees it: nothing that is hidden. */
async function textOf(element: ElementHandle): Promise<string> {
  return String(await (await element.getProperty('innerText')).jsonValue()).trim();
}
