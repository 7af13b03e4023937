"""The look of the report: light, dark and print from one set of variables."""

from __future__ import annotations

LIGHT = """
--paper:#fff;--panel:#f7f5f2;--ink:#1d1b18;--soft:#67615a;--line:#ddd7cf;--good:#1a7f4b;
--warn:#a86200;--bad:#c3262f;--act:#8a3ffc;--undo:#0b6aa8;--force:rgba(195,38,47,.09);
--bar:#c3262f;--claimed:#e8b4b6;--band:rgba(26,127,75,.14);
""".replace("\n", "")
DARK = """
--paper:#171513;--panel:#211e1b;--ink:#f0ebe4;--soft:#a89f94;--line:#3a352f;--good:#4cc38a;
--warn:#f0a63a;--bad:#ff6b70;--act:#b794ff;--undo:#62b5f0;--force:rgba(255,107,112,.13);
--bar:#ff6b70;--claimed:#6d3a3c;--band:rgba(76,195,138,.18);
""".replace("\n", "")

STYLE = (
    f":root{{color-scheme:light dark;{LIGHT}}}"
    f"@media (prefers-color-scheme:dark){{:root{{{DARK}}}}}"
    f"@media print{{:root{{color-scheme:light;{LIGHT}}}}}"
    """
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{max-width:1040px;margin:0 auto;padding:32px 24px}
h1{font-size:30px;line-height:1.2;margin:0 0 8px;overflow-wrap:anywhere}
h2{font-size:19px;margin:36px 0 12px;border-bottom:1px solid var(--line);padding-bottom:6px}
h3{font-size:15px;margin:18px 0 8px}
.kind{margin:0;color:var(--soft);text-transform:uppercase;letter-spacing:.08em;font-size:12px}
.verdict{display:inline-block;font-size:15px;font-weight:600;padding:3px 12px;border-radius:14px;
vertical-align:middle;border:1.5px solid currentColor;color:var(--soft)}
.Passed,.Reverted,.met,b.good{color:var(--good)}
.Failed,.missed,b.bad{color:var(--bad)}
.Inconclusive,.Diverged{color:var(--warn)}
.Aborted,b.act{color:var(--act)}
.why{font-size:17px;margin:4px 0;overflow-wrap:anywhere}
.remedy{margin:4px 0;color:var(--soft)}
blockquote{margin:16px 0;padding:6px 16px;border-left:3px solid var(--line);font-style:italic;
overflow-wrap:anywhere}
dl{display:flex;flex-wrap:wrap;gap:8px 28px;margin:0}
dt{color:var(--soft);font-size:12px}dd{margin:0;overflow-wrap:anywhere}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(140px,1fr));gap:10px;
margin:24px 0}
.tile{background:var(--panel);border-radius:8px;padding:12px 14px;
display:flex;flex-direction:column}
.tile b{font-size:21px;line-height:1.25}.tile span{font-size:13px}
.tile small{color:var(--soft);min-height:1.4em}
figure{margin:0}svg{width:100%;height:auto;display:block}
svg text{font:11px system-ui,"DejaVu Sans",sans-serif;fill:var(--ink)}
svg .tick{fill:var(--soft);paint-order:stroke;stroke:var(--paper);stroke-width:2.5px}
svg .name{font-size:12px;font-weight:600}
.grid{stroke:var(--line);stroke-width:.6;fill:none}.base{stroke:var(--soft);stroke-width:.8}
path.good{stroke:var(--good);stroke-width:4.5;stroke-linecap:round;fill:none}
path.delayed{fill:var(--warn)}path.refused{stroke:var(--bad);stroke-width:1.8;fill:none}
rect.force{fill:var(--force)}rect.gap{fill:url(#hatch)}.hatch{stroke:var(--soft);stroke-width:1}
rect.bar{fill:var(--bar);opacity:.75}rect.claimed{fill:var(--claimed)}
.mark{fill:none;stroke-width:1.3}.mark.act,.mark.bad{stroke:var(--bad)}
.mark.bad{stroke-dasharray:2 3}
.mark.undo{stroke:var(--undo);stroke-dasharray:6 3}.mark.ok{stroke:var(--good)}
svg .label{font-weight:600}
.label.act,.label.bad{fill:var(--bad)!important}.label.undo{fill:var(--undo)!important}
.label.ok{fill:var(--good)!important}
.dot{fill:var(--good)}.dot.missed{fill:var(--bad)}rect.interval{fill:var(--band)}
.legend,.troubles{list-style:none;padding:0;margin:8px 0;color:var(--soft);font-size:13px}
.legend{display:flex;flex-wrap:wrap;gap:4px 20px}
.troubles li{overflow-wrap:anywhere}
.key{display:inline-block;width:10px;height:10px;font-style:normal;vertical-align:-1px}
.key.good{background:var(--good);border-radius:50%;width:8px;height:8px;vertical-align:0}
.key.delayed{border:5px solid transparent;border-bottom:9px solid var(--warn);border-top:0;
width:0;height:0}
.key.refused::before{content:"✕";color:var(--bad);font-weight:700;font-size:12px;line-height:10px}
.key.force{background:var(--force);outline:1px solid var(--line);width:16px}
.key.gap{background:repeating-linear-gradient(45deg,var(--soft) 0 1px,transparent 1px 4px);
width:16px}
.key.line{width:0;height:13px;border-left:2px solid var(--bad);vertical-align:-3px;margin-right:3px}
.key.bad{border-left-style:dotted}.key.undo{border-left:2px dashed var(--undo)}
.key.ok{border-left-color:var(--good)}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px}
th,td{text-align:left;padding:6px 10px 6px 0;border-bottom:1px solid var(--line);vertical-align:top;
overflow-wrap:anywhere}
th{color:var(--soft);font-weight:500;font-size:12px}
td small{display:block;color:var(--soft);font-size:11px}
td:has(time),.journal td:nth-child(2),.touched td:first-child,.state{
white-space:nowrap;overflow-wrap:normal}
time{color:var(--soft);font-variant-numeric:tabular-nums}
details{margin:8px 0}summary{cursor:pointer;color:var(--soft)}
pre{background:var(--panel);border-radius:8px;padding:12px 14px;white-space:pre-wrap;
overflow-wrap:anywhere;font:12px/1.5 ui-monospace,"DejaVu Sans Mono",monospace}
footer{margin-top:40px;color:var(--soft);font-size:13px;border-top:1px solid var(--line)}
@media print{main{max-width:none;padding:0}figure,.tiles,tr{break-inside:avoid}
h2,h3{break-after:avoid}details::details-content{content-visibility:visible;display:block}
.wide{overflow:visible}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""
)
