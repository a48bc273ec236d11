/** How a report looks: calm, in both colour schemes, on paper and on a phone. Colours meet WCAG AA. */
export const STYLE = `
:root {
  --ground: #fbfbf9; --paper: #ffffff; --ink: #1c2329; --quiet: #545f69; --rule: #dcdfe2;
  --soft: #f2f3f1; --link: #1f4f82; --focus: #1f4f82;
  --good: #155a35; --good-soft: #e5f3ea; --careful: #744600; --careful-soft: #fcf0da;
  --bad: #97191d; --bad-soft: #fce9e8; --neutral: #3b4751; --neutral-soft: #ebeef0;
  --patched: #b3450b; --control: #2360a5; --busy: #5c6670; --soak: #e9ecf2; --soak-line: #b9c2d0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #13171a; --paper: #191e22; --ink: #e4e9ec; --quiet: #a5b0b9; --rule: #343c43;
    --soft: #20262b; --link: #93c0f2; --focus: #93c0f2;
    --good: #8ed9a9; --good-soft: #17321f; --careful: #f1c679; --careful-soft: #37290f;
    --bad: #f6a8a4; --bad-soft: #401c1c; --neutral: #c6cfd6; --neutral-soft: #2a3238;
    --patched: #f09a5e; --control: #84b6f0; --busy: #a5b0b9; --soak: #222a35; --soak-line: #4a5a70;
  }
}
*, *::before, *::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-padding-top: 1rem; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 1rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  overflow-wrap: anywhere;
}
a { color: var(--link); text-underline-offset: .18em; }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; border-radius: 2px; }
.skip { position: absolute; left: -999px; top: 0; background: var(--paper); padding: .5rem 1rem; }
.skip:focus { left: 0; z-index: 1; }
h1, h2, h3 { line-height: 1.25; text-wrap: balance; }
h1 { font-size: clamp(1.6rem, 1.2rem + 2vw, 2.4rem); margin: 0 0 .6rem; letter-spacing: -.01em; }
h2 { font-size: 1.35rem; margin: 0 0 1rem; padding-top: 1.4rem; border-top: 1px solid var(--rule); }
h3 { font-size: 1.05rem; margin: 1.8rem 0 .6rem; }
p { margin: 0 0 .9rem; max-width: 46rem; }
ul, ol { margin: 0 0 1rem; padding-left: 1.3rem; max-width: 46rem; }
li { margin: .2rem 0; }
code { font: .875em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
time { font-variant-numeric: tabular-nums; }
.banner { border-top: 6px solid var(--tone); background: var(--paper); border-bottom: 1px solid var(--rule); }
.inner { max-width: 78rem; margin: 0 auto; padding: 2rem 1.5rem 1.5rem; }
.eyebrow { margin: 0 0 .3rem; color: var(--quiet); font-size: .85rem; letter-spacing: .06em; text-transform: uppercase; }
.verdict { font-size: 1.15rem; max-width: 52rem; margin-bottom: 1.4rem; }
.verdict .badge { font-size: 1rem; margin-right: .35rem; }
.good { --tone: var(--good); --tone-soft: var(--good-soft); }
.careful { --tone: var(--careful); --tone-soft: var(--careful-soft); }
.bad { --tone: var(--bad); --tone-soft: var(--bad-soft); }
.neutral { --tone: var(--neutral); --tone-soft: var(--neutral-soft); }
.badge {
  display: inline-block; padding: .05rem .55rem; border-radius: 1rem; font-size: .875rem; font-weight: 600;
  color: var(--tone); background: var(--tone-soft); overflow-wrap: normal;
}
td .badge { white-space: nowrap; }
.stats { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: 1px; margin: 0 0 1.2rem; background: var(--rule); border: 1px solid var(--rule); border-radius: 8px; overflow: hidden; }
.stats div { background: var(--paper); padding: .7rem .9rem; display: flex; flex-direction: column; }
.stats dt { color: var(--quiet); font-size: .82rem; line-height: 1.35; }
.stats dd { margin: .15rem 0 0; font-size: 1.35rem; font-weight: 650; line-height: 1.3; font-variant-numeric: tabular-nums; }
.stats .note { display: block; font-size: .8rem; font-weight: 400; color: var(--quiet); }
.callout { display: flex; gap: .6rem; max-width: 60rem; margin: 0 0 .6rem; padding: .55rem .8rem; border-radius: 6px; background: var(--tone-soft); border-left: 4px solid var(--tone); }
.mark-word { color: var(--tone); font-weight: 700; flex: none; }
.page { max-width: 78rem; margin: 0 auto; padding: 1.5rem; display: grid; gap: 2rem; grid-template-columns: 10.5rem minmax(0, 1fr); }
nav { position: sticky; top: 1.5rem; align-self: start; font-size: .92rem; }
nav h2 { font-size: .82rem; letter-spacing: .06em; text-transform: uppercase; color: var(--quiet); margin: 0 0 .5rem; padding: 0; border: 0; }
nav ol { list-style: none; margin: 0; padding: 0; border-left: 1px solid var(--rule); }
nav li { margin: 0; }
nav a { display: block; padding: .22rem 0 .22rem .9rem; color: var(--ink); text-decoration: none; }
nav a:hover { text-decoration: underline; }
main > section { margin-bottom: 2.6rem; }
main > section:first-child h2 { padding-top: 0; border-top: 0; }
.facts { margin: 0 0 1.1rem; }
.facts div { display: grid; grid-template-columns: 11rem minmax(0, 1fr); gap: 1rem; padding: .32rem 0; border-bottom: 1px solid var(--rule); }
.facts div:last-child { border-bottom: 0; }
.facts dt { color: var(--quiet); }
.facts dd { margin: 0; }
.scroll { overflow-x: auto; margin: 0 0 1.2rem; background: linear-gradient(var(--ground), var(--ground)); border: 1px solid var(--rule); border-radius: 8px; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; line-height: 1.45; background: var(--paper); overflow-wrap: normal; }
caption span { display: inline-block; position: sticky; left: .8rem; max-width: min(60rem, calc(100vw - 4rem)); }
caption { text-align: left; padding: .6rem .8rem; color: var(--quiet); background: var(--paper); border-bottom: 1px solid var(--rule); }
th, td { text-align: left; vertical-align: top; padding: .45rem .5rem; border-bottom: 1px solid var(--rule); }
tbody tr:last-child > * { border-bottom: 0; }
thead th { font-weight: 600; color: var(--quiet); background: var(--soft); vertical-align: bottom; }
tbody th { font-weight: 600; }
tbody th, thead th:first-child { position: sticky; left: 0; }
tbody th { background: var(--paper); max-width: 14rem; }
td:not(.num) { max-width: 30rem; }
.num { text-align: right; font-variant-numeric: tabular-nums; }
td code, .short { white-space: nowrap; }
td code { font-size: .82em; }
pre { margin: .5rem 0 .8rem; padding: .7rem .9rem; overflow-x: auto; background: var(--soft); border: 1px solid var(--rule); border-radius: 6px; max-width: 46rem; overflow-wrap: normal; }
.todo { list-style: none; padding: 0; }
.todo li { margin: 0 0 .9rem; }
details { margin: 0 0 .8rem; }
summary { cursor: pointer; padding: .35rem 0; color: var(--link); }
details[open] > summary { margin-bottom: .4rem; }
.timeline { list-style: none; padding: 0; margin: 0 0 1.4rem; max-width: 60rem; border-left: 2px solid var(--rule); }
.timeline li { display: grid; grid-template-columns: 5.2rem minmax(0, 1fr); gap: .4rem; padding: .28rem 0 .28rem .9rem; margin: 0; }
.timeline time { color: var(--quiet); }
.timeline .mark-word { display: inline-block; width: 1.1rem; }
.kind { display: inline-block; min-width: 5.4rem; color: var(--quiet); font-size: .9rem; }
figure { margin: 0 0 .8rem; padding: 1rem 1rem .6rem; background: var(--paper); border: 1px solid var(--rule); border-radius: 8px; }
figcaption { color: var(--quiet); font-size: .88rem; margin-top: .5rem; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .2rem 1.4rem; padding: 0; margin: 0 0 .6rem; font-size: .9rem; max-width: none; }
.legend li { display: flex; align-items: center; gap: .45rem; margin: 0; }
.moments { list-style: none; padding: 0; margin: 0 0 1.2rem; font-size: .92rem; max-width: none; columns: 17rem; column-gap: 1.5rem; }
.moments li { break-inside: avoid; margin: 0; }
.moments b { display: inline-block; min-width: 1.4rem; color: var(--ink); }
.chart { display: block; width: 100%; height: auto; }
.narrow { display: none; }
.defs { position: absolute; }
svg text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif; fill: var(--quiet); font-variant-numeric: tabular-nums; }
svg .lane { fill: var(--ink); }
.grid { stroke: var(--rule); stroke-width: 1; }
.axis { stroke: var(--quiet); stroke-width: 1; }
.soak { fill: var(--soak); }
svg .soak-word { font-size: 11px; }
.flag-line { stroke: var(--quiet); stroke-width: 1; stroke-dasharray: 1 3; }
rect.flag { fill: var(--tone-soft); stroke: var(--tone); stroke-width: 1; }
svg .flag-word { font-size: 11px; font-weight: 600; fill: var(--tone); }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.line.patched { stroke: var(--patched); }
.line.control { stroke: var(--control); stroke-dasharray: 6 4; }
.band { opacity: .16; stroke: none; }
.band.patched { fill: var(--patched); }
.band.control { fill: var(--control); }
.mark.patched { fill: var(--patched); }
.mark.control { fill: var(--paper); stroke: var(--control); stroke-width: 1.5; }
.mark.busy { fill: none; stroke: var(--busy); stroke-width: 1.6; }
.bar.work { fill: var(--patched); }
.bar.back { fill: var(--control); }
.bar.failed { fill: var(--bad); }
.bar.soak { fill: url(#hatch); stroke: var(--soak-line); }
.bar.wait { fill: url(#dots); stroke: var(--quiet); }
.hatch-ground, .dots-ground { fill: var(--paper); }
.hatch-line { stroke: var(--soak-line); stroke-width: 3; }
.dots-dot { fill: var(--quiet); }
@media (max-width: 60rem) {
  .page { grid-template-columns: minmax(0, 1fr); gap: 1.5rem; }
  nav { position: static; }
  nav ol { columns: 2; column-gap: 1rem; border-left: 0; }
  nav a { padding: .5rem 0; }
}
@media (max-width: 40rem) {
  .inner { padding: 1.4rem 1rem 1rem; }
  .page { padding: 1rem; }
  .facts div { grid-template-columns: minmax(0, 1fr); gap: 0; }
  .timeline li { grid-template-columns: minmax(0, 1fr); gap: 0; }
  .stats { grid-template-columns: 1fr 1fr; }
  .stats dd { font-size: 1.15rem; }
  tbody th, tbody th.short { max-width: 9rem; white-space: normal; }
  figure { padding: .8rem .5rem .5rem; }
  .wide { display: none; }
  .narrow { display: block; }
}
@media print {
  :root { --ground: #fff; --paper: #fff; }
  body { font-size: 10pt; }
  nav, .skip { display: none; }
  .page { display: block; padding: 0; max-width: none; }
  .scroll { overflow: visible; }
  table { font-size: 8pt; overflow-wrap: anywhere; }
  td code, .short { white-space: normal; }
  figure, tr, .timeline li { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  details::details-content { content-visibility: visible; block-size: auto; }
}
`;
