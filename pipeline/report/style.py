"""The report's look: one stylesheet, light and dark, phone to desktop. No fonts or images from elsewhere."""

_LIGHT = """
  --page: #f7f6f3; --card: #ffffff; --ink: #1d2129; --muted: #6a707c; --line: #e5e2db; --faint: #f1efea;
  --train: #3f6fd8; --validation: #d4812a; --test: #2a9274; --padding: #d9d6cf; --cut: #b9c9ee;
  --warn: #9a5b00; --warn-back: #fdf3e0; --bad: #b3372f; --boundary: #9aa0ab; --good: #2a9274;
"""
_DARK = """
  --page: #121419; --card: #1a1d24; --ink: #e6e8ec; --muted: #979da9; --line: #2b3039; --faint: #22262e;
  --train: #7ea4f8; --validation: #efa65c; --test: #5cc7a5; --padding: #3a404b; --cut: #3d4f79;
  --warn: #f0bd6b; --warn-back: #2c2517; --bad: #ef8079; --boundary: #626a77; --good: #5cc7a5;
"""

STYLE = f"""
:root {{ color-scheme: light; {_LIGHT} }}
@media (prefers-color-scheme: dark) {{ :root {{ color-scheme: dark; {_DARK} }} }}
:root[data-theme=light] {{ color-scheme: light; {_LIGHT} }}
:root[data-theme=dark] {{ color-scheme: dark; {_DARK} }}
* {{ box-sizing: border-box; }}
html {{ scroll-behavior: smooth; -webkit-text-size-adjust: 100%; }}
body {{
  margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere;
}}
main, header {{ max-width: 1064px; margin: 0 auto; padding: 0 28px; }}
header {{ padding-top: 44px; position: relative; }}
h1 {{ font-size: 30px; line-height: 1.2; letter-spacing: -0.02em; margin: 0 56px 6px 0; font-weight: 650; }}
h2 {{ font-size: 19px; letter-spacing: -0.01em; margin: 0 0 4px; font-weight: 620; }}
h3 {{ font-size: 13px; margin: 26px 0 8px; font-weight: 600; color: var(--muted); }}
p {{ margin: 0 0 10px; max-width: 88ch; }}
a {{ color: inherit; text-decoration-color: var(--boundary); text-underline-offset: 3px; }}
code, pre {{ font: 12.5px/1.6 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }}
.muted, .note {{ color: var(--muted); }}
.data.blank {{ color: var(--muted); font-style: italic; }}
nav {{ display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 20px 0 22px; font-size: 13.5px; color: var(--muted); }}
nav a {{ text-decoration: none; }} nav a:hover {{ color: var(--ink); }}
#theme {{
  position: absolute; top: 46px; right: 28px; width: 34px; height: 34px; border-radius: 50%; cursor: pointer;
  border: 1px solid var(--line); background: var(--card); color: var(--muted); font-size: 15px;
  line-height: 1; padding: 0;
}}
section {{
  background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 24px 26px 26px;
  margin: 0 0 18px; scroll-margin-top: 12px;
}}
.kind {{
  font-size: 12px; font-weight: 500; color: var(--muted); border: 1px solid var(--line); border-radius: 20px;
  padding: 1px 9px; margin-left: 8px; vertical-align: 2px; letter-spacing: 0; white-space: nowrap;
}}
.hero {{ display: grid; grid-template-columns: minmax(250px, 1fr) 1.7fr; gap: 20px 44px; align-items: center; }}
.big {{ font-size: 66px; line-height: 1; letter-spacing: -0.045em; font-weight: 650; color: var(--train); }}
.big small {{ font-size: 0.5em; letter-spacing: -0.02em; font-weight: 600; }}
.hero p {{ margin: 8px 0 0; }}
.facts {{ display: flex; flex-wrap: wrap; gap: 16px 44px; margin: 22px 0 0; border-top: 1px solid var(--line);
  padding-top: 18px; }}
.facts div {{ min-width: 96px; }}
.facts b {{ display: block; font-size: 21px; font-weight: 600; letter-spacing: -0.01em; }}
.facts span {{ color: var(--muted); font-size: 13px; }}
.strategies {{ display: grid; gap: 9px; font-size: 14px; }}
.strategy {{ display: grid; grid-template-columns: 150px 1fr 52px 46px; gap: 0 12px; align-items: center; }}
.strategy .value {{ text-align: right; font-weight: 600; }}
.strategy .times {{ text-align: right; color: var(--muted); }}
.meter {{ height: 20px; border-radius: 4px; overflow: hidden; background: var(--padding); display: block; }}
.meter span {{ display: block; height: 100%; background: var(--muted); opacity: 0.75; }}
.meter.ours span {{ background: var(--train); opacity: 1; }}
ul.findings {{ list-style: none; padding: 0; margin: 8px 0 0; display: grid; gap: 7px; }}
ul.findings li {{ padding: 2px 0 2px 14px; border-left: 3px solid var(--line); max-width: 100ch; }}
ul.findings li.warning {{ border-left-color: var(--validation); }}
.callout {{ background: var(--warn-back); color: var(--warn); border-radius: 8px; padding: 11px 14px;
  margin: 12px 0; }}
.stacked {{ display: flex; gap: 2px; height: 20px; border-radius: 4px; overflow: hidden; background: var(--faint); }}
.stacked span {{ display: block; min-width: 2px; height: 100%; }}
.legend {{ list-style: none; display: flex; flex-wrap: wrap; gap: 2px 20px; padding: 0; margin: 7px 0 0;
  font-size: 13.5px; }}
.swatch {{ display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin-right: 7px; }}
.swatch.line {{ height: 3px; vertical-align: 3px; width: 14px; }}
.stacked .train, .swatch.train, .bar .train {{ background: var(--train); }}
.stacked .validation, .swatch.validation, .bar .validation {{ background: var(--validation); }}
.stacked .test, .swatch.test, .bar .test {{ background: var(--test); }}
.stacked .padding, .swatch.padding {{ background: var(--padding); }}
.stacked .bad, .swatch.bad {{ background: var(--bad); }} .swatch.cut {{ background: var(--cut); }}
.bar {{ display: block; height: 8px; border-radius: 3px; background: var(--faint); overflow: hidden;
  min-width: 48px; }}
.bar span {{ display: block; height: 100%; border-radius: 3px; }}
.scroll {{ overflow-x: auto; margin: 0 -6px; padding: 0 6px; }}
table {{ border-collapse: collapse; width: 100%; font-size: 13.5px; }}
th, td {{ text-align: right; padding: 6px 0 6px 18px; border-bottom: 1px solid var(--line); white-space: nowrap; }}
th {{ font-weight: 500; }} thead th {{ color: var(--muted); font-size: 12.5px; vertical-align: bottom; }}
th:first-child {{ text-align: left; padding-left: 0; }} tbody tr:last-child > * {{ border-bottom: 0; }}
td .bar {{ width: 130px; display: inline-block; margin-left: 12px; vertical-align: 1px; }}
table.wrap td, table.wrap th {{ white-space: normal; text-align: left; vertical-align: top; }}
table.wrap tbody th {{ max-width: 22ch; }}
.chart {{ margin: 14px 0 4px; }} .chart svg {{ width: 100%; height: auto; display: block; overflow: visible; }}
.chart .narrow {{ display: none; }}
svg text {{ font-size: 11px; fill: var(--muted); }}
svg .axis {{ stroke: var(--line); }} svg .bars rect, .spark rect {{ fill: var(--train); }}
.spark rect {{ opacity: 0.85; }}
svg .bars rect {{ opacity: 0.85; }}
svg .bars rect:hover, .spark rect:hover {{ opacity: 1; filter: brightness(1.15); }}
svg .bars.validation rect {{ fill: var(--validation); }} svg .bars.test rect {{ fill: var(--test); }}
svg .bars rect.cut {{ fill: var(--cut); }}
svg .outline {{ fill: none; stroke-width: 1.5; vector-effect: non-scaling-stroke; pointer-events: none; }}
svg .outline.validation {{ stroke: var(--validation); }} svg .outline.test {{ stroke: var(--test); }}
svg .boundaries line {{ stroke: var(--boundary); stroke-width: 1; opacity: 0.55; }}
svg .cap line {{ stroke: var(--bad); stroke-dasharray: 3 3; }} svg .cap text {{
  fill: var(--bad); paint-order: stroke; stroke: var(--card); stroke-width: 4px; stroke-linejoin: round;
}}
.columns {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(270px, 1fr)); gap: 0 44px; }}
.barlist {{ list-style: none; padding: 0; margin: 0; font-size: 13.5px; }}
.barlist li {{ display: grid; grid-template-columns: minmax(70px, 34%) 1fr 54px; gap: 12px;
  align-items: center; padding: 2px 0; }}
.barlist .name {{ overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }}
.barlist .amount {{ text-align: right; color: var(--muted); }}
.chips {{ display: flex; flex-wrap: wrap; gap: 5px; padding: 0; margin: 0; list-style: none; font-size: 13px; }}
.chips li {{ background: var(--faint); border-radius: 5px; padding: 1px 8px; }}
.chips li span {{ color: var(--muted); }}
.channels {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(176px, 1fr)); gap: 20px 26px;
  margin-top: 12px; }}
.channel {{ min-width: 0; font-size: 12.5px; color: var(--muted); }}
.channel b {{ color: var(--ink); font-weight: 600; font-size: 13.5px; display: block; white-space: nowrap;
  overflow: hidden; text-overflow: ellipsis; }}
.spark {{ width: 100%; height: 44px; display: block; border-bottom: 1px solid var(--line); margin: 4px 0 2px;
  overflow: visible; }}
.channel .range {{ display: flex; justify-content: space-between; font-size: 11.5px; }}
.spread {{ position: relative; display: block; height: 16px; min-width: 150px; }}
.spread span {{ position: absolute; top: 7px; height: 2px; background: var(--boundary); border-radius: 2px; }}
.spread .box {{ top: 3px; height: 10px; background: var(--train); opacity: 0.45; min-width: 2px; }}
.spread .median {{ top: 1px; height: 14px; width: 3px; margin-left: -1px; background: var(--train); }}
.fill {{ min-width: 90px; width: 100%; }} td:has(.fill), td:has(.spread) {{ width: 46%; }}
.gauge {{ position: relative; height: 30px; margin: 14px 0 26px; max-width: 520px; }}
.gauge .track {{ position: absolute; top: 12px; left: 0; right: 0; height: 6px; border-radius: 3px;
  background: var(--faint); }}
.gauge .interval {{ position: absolute; top: 12px; height: 6px; border-radius: 3px; background: var(--train);
  opacity: 0.35; }}
.gauge .mark {{ position: absolute; top: 6px; width: 4px; height: 18px; margin-left: -2px; border-radius: 2px;
  background: var(--train); }}
.gauge .end {{ position: absolute; top: 24px; font-size: 11.5px; color: var(--muted); }}
.gauge .end.right {{ right: 0; }}
details {{ margin-top: 12px; }}
details + p {{ margin-top: 14px; }} summary {{ cursor: pointer; color: var(--muted); font-size: 13.5px; }}
summary:hover {{ color: var(--ink); }}
pre {{ background: var(--faint); border-radius: 8px; padding: 13px 15px; overflow-x: auto; margin: 10px 0 0;
  white-space: pre-wrap; }}
dl {{ display: grid; grid-template-columns: minmax(110px, auto) 1fr; gap: 5px 22px; margin: 10px 0;
  font-size: 14px; }}
dt {{ color: var(--muted); }} dd {{ margin: 0; min-width: 0; }}
footer {{ max-width: 1064px; margin: 0 auto; padding: 6px 28px 44px; color: var(--muted); font-size: 13px; }}
@media (max-width: 720px) {{
  main, header, footer {{ padding-left: 14px; padding-right: 14px; }}
  header {{ padding-top: 26px; }} #theme {{ top: 24px; right: 14px; }}
  h1 {{ font-size: 25px; }} .big {{ font-size: 54px; }}
  section {{ padding: 18px 16px 20px; border-radius: 10px; }}
  .hero {{ grid-template-columns: 1fr; }} .facts {{ gap: 14px 26px; }} .facts b {{ font-size: 18px; }}
  .strategy {{ grid-template-columns: 1fr auto auto; gap: 3px 12px; }}
  .strategy .meter {{ grid-column: 1 / -1; order: 1; height: 14px; }}
  .chart .wide {{ display: none; }} .chart .narrow {{ display: block; }}
  table.wrap thead {{ display: none; }} table.wrap tbody th {{ max-width: none; }}
  table.wrap tr {{ display: block; border-bottom: 1px solid var(--line); padding: 6px 0; }}
  table.wrap tbody tr > * {{ display: block; border: 0; padding: 2px 0; }}
  .channels {{ grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 18px 18px; }}
  th, td {{ padding-left: 12px; }} td .bar {{ display: none; }} .spread {{ min-width: 110px; }}
}}
@media print {{ #theme, nav {{ display: none; }} section {{ break-inside: avoid; }} }}
"""

# The button turns the colours over; without it the system's preference holds.
SCRIPT = """
(function () {
  var root = document.documentElement;
  var asked = new URLSearchParams(location.search).get('theme');
  if (asked) root.dataset.theme = asked;
  document.getElementById('theme').addEventListener('click', function () {
    var dark = getComputedStyle(root).colorScheme === 'dark';
    root.dataset.theme = dark ? 'light' : 'dark';
  });
})();
"""
