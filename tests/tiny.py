"""A sound scenario that uses every table; its rows are meant to be broken."""

from __future__ import annotations

from pathlib import Path

SETTINGS = """\
name = "tiny"
title = "无锡 tiny"
start = 2020-02-03
days = 7

[[shift]]
id = "day"
start = "08:00"
hours = 8

[[shift]]
id = "late"
start = "16:00"
hours = 8
night = true

[[batch]]
id = "b1"
start = 2020-02-03
size = 4

[[batch]]
id = "b2"
start = 2020-02-05
size = 3

[[case]]
id = "mild"
probability = 0.5

[[case]]
id = "harsh"
probability = 0.5

[rules]
max_travel = 60

[weights]
required = 10

[weights.tiers]
medical = 8

[travel]
speed_kmh = 30

[supply]
budget = 1000
"""

TABLES = {
    "outlines": """\
district,ring,point,lon,lat
D1,1,1,120.2,31.4
D1,1,2,120.4,31.4
D1,1,3,120.3,31.6
""",
    "districts": """\
district,name,population
D1,梁溪,1000
D2,滨湖,
""",
    "sites": """\
site,name,kind,district,township,lon,lat,weight,population,source
S1,"North, Gate",village,D1,T1,120.30,31.57,1,400,real
S2,东站,station,D1,T1,120.32,31.58,2,,placed
S3,隔离点,isolation,D2,T2,120.28,31.55,1.5,,invented
S4,Mill,enterprise,D2,T2,120.27,31.54,1,,
S5,Market,market,D2,T2,120.29,31.56,1,,
""",
    "duties": """\
duty,name,skill,weight
guard,Guard,,1
screen,Screen,medical,2
""",
    "demand": """\
site,duty,shift,first_day,last_day,weekdays,required,target,case
S1,guard,day,2020-02-03,2020-02-09,1-7,1,2,
S2,screen,day,2020-02-03,2020-02-09,1-5,1,1,
S2,guard,late,2020-02-04,2020-02-08,"2,4",0,1,harsh
""",
    "cadres": """\
cadre,office,district,lon,lat,skills,night_ok,batch,first_day,last_day
C1,税务局,D1,120.30,31.57,medical,true,b1,,
C2,Tax,D1,120.31,31.57,,false,b1,,2020-02-08
C3,Tax,D1,120.30,31.58,,true,,2020-02-04,
C4,Works,D2,120.28,31.55,,true,b2,,
C5,Works,D2,120.29,31.56,medical,false,,,
C6,Works,D2,120.27,31.56,,true,,,
""",
    "leave": """\
cadre,day
C1,2020-02-06
C2,2020-02-07
""",
    "pins": """\
cadre,site,kind,first_day
C1,S1,must,2020-02-03
C2,S2,never,
C3,S2,must,
""",
    "travel": """\
cadre,site,minutes
C6,S1,20
C6,S2,80
""",
    "items": """\
item,name,unit,pack,volume,weight
mask,口罩,piece,10,0.01,0.1
suit,Suit,piece,1,2.5,1
""",
    "depots": """\
depot,name,district,lon,lat,throughput
W0,City,,120.30,31.56,5000
W1,North,D1,120.31,31.58,900
""",
    "stock": """\
place,item,quantity
W0,mask,500
S1,mask,20
""",
    "deliveries": """\
depot,item,day,quantity
W0,mask,2020-02-05,100
W1,suit,2020-02-04,10
""",
    "suppliers": """\
supplier,item,depot,first_day,last_day,per_day,lead_days,unit_cost
P1,suit,W0,2020-02-03,2020-02-07,20,1,30.5
P2,mask,W0,2020-02-03,2020-02-09,100,2,1
""",
    "needs": """\
site,item,first_day,last_day,per_day,tier
S1,mask,2020-02-03,2020-02-09,10,public
S2,suit,2020-02-04,2020-02-06,2,medical
""",
    "kits": """\
duty,item,per_shift
guard,mask,1
screen,mask,2
""",
    "lanes": """\
origin,destination,per_day,lead_days
W0,W1,2000,0
W0,S1,100,1
W1,S2,100,0
W0,S5,100,0
""",
    "candidates": """\
site,capacity,lead_days,cost
S3,40,2,1000
""",
    "isolation_demand": """\
township,day,case,people
T1,2020-02-04,mild,5
T2,2020-02-04,,3
""",
    "applications": """\
site,value,class,earliest
S4,10,a,2020-02-06
""",
    "previous": """\
cadre,site
C1,S1
C4,S5
""",
    "worked": """\
cadre,day,shift
C1,2020-02-02,day
C4,2020-01-28,late
""",
}


def sound(folder: Path) -> Path:
    """Write the sound scenario, with an author's own README and subfolder."""
    folder.mkdir(parents=True)
    (folder / "scenario.toml").write_text(SETTINGS, encoding="utf-8")
    for name, text in TABLES.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    (folder / "README.md").write_text("# Tiny\n", encoding="utf-8")
    (folder / "sources").mkdir()
    (folder / "sources" / "raw.csv").write_text("any,thing\n", encoding="utf-8")
    return folder
