"""The report's style sheet: light and dark as the reader prefers, narrow screens, paper."""

STYLE = """
:root {
  color-scheme: light dark;
  --page: #f6f5f1; --surface: #ffffff; --line: #d9d6cd; --ink: #1d1c19; --muted: #5c5951; --accent: #0b6b5d;
  --right: #0b6b5d; --near: #a65f00; --wrong: #9c2b1f; --wash: #fff6e0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #131514; --surface: #1c1f1e; --line: #363b39; --ink: #edece8; --muted: #abaea8; --accent: #6fd6c0;
    --right: #6fd6c0; --near: #f0a94e; --wrong: #ffab9d; --wash: #2b2517;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2rem clamp(1rem, 4vw, 2.5rem) 4rem; max-width: 76rem;
  background: var(--page); color: var(--ink); font: 16px/1.55 system-ui, sans-serif;
}
h1 { margin: 0; font-size: 1.9rem; line-height: 1.2; }
h2 { margin: 0 0 .4rem; font-size: 1.3rem; }
h3 { margin: 1.6rem 0 .4rem; font-size: 1.05rem; }
p { max-width: 72ch; margin: .4rem 0 .8rem; }
small, .muted { color: var(--muted); font-size: .82rem; }
a { color: var(--accent); }
nav { display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; margin: 1rem 0 1.5rem; }
section { background: var(--surface); border: 1px solid var(--line); border-radius: 12px; padding: 1.3rem 1.5rem;
  margin: 1.2rem 0; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(11.5rem, 1fr)); gap: .8rem; }
.tile { background: var(--surface); border: 1px solid var(--line); border-radius: 12px; padding: .9rem 1.1rem; }
.tile b { display: block; font-size: 1.7rem; line-height: 1.25; font-variant-numeric: tabular-nums; }
.tile span { display: block; }
.notes { background: var(--wash); }
.notes ul { margin: .2rem 0; padding-left: 1.2rem; }
.scroll { overflow-x: auto; margin: .6rem 0 1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; white-space: nowrap; font-weight: 600; padding-bottom: .3rem; }
th, td { padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child { text-align: left; }
td:last-child, th:last-child { padding-right: 0; }
td small { display: block; line-height: 1.2; }
thead th { white-space: normal; }
tbody th { min-width: 7.5rem; font-weight: 400; white-space: normal; overflow-wrap: anywhere; }
thead th { color: var(--muted); font-weight: 600; font-size: .82rem; vertical-align: bottom; }
.values td { text-align: left; white-space: normal; overflow-wrap: anywhere; }
.values th { padding-right: 1.6rem; color: var(--muted); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)); gap: 1rem; }
.beside { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: .5rem 2rem;
  align-items: start; }
.chart { display: block; max-width: 100%; height: auto; margin: .5rem 0; }
.case { border-top: 1px solid var(--line); padding: .7rem 0 .9rem; }
.case > p { margin: 0 0 .5rem; max-width: none; }
.strip { display: flex; gap: .7rem; overflow-x: auto; }
.wrapped { flex-wrap: wrap; }
figure { flex: 0 0 8.4rem; width: 8.4rem; margin: 0; font-size: .8rem; line-height: 1.35; }
figure img { display: block; width: 100%; aspect-ratio: 1; border: 3px solid var(--line); border-radius: 8px;
  background: #000; }
figcaption b, figcaption span { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
figcaption span { color: var(--muted); }
.mate { margin-right: .9rem; }
.right img { border-color: var(--right); } .right b { color: var(--right); }
.near img { border-color: var(--near); } .near b { color: var(--near); }
.wrong img { border-color: var(--wrong); } .wrong b { color: var(--wrong); }
.query img { border-color: var(--ink); }
@media print { body { max-width: none; padding: 0; } section, .tile { break-inside: avoid; } nav { display: none; } }
""".strip()
