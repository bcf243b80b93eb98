"""Skills, each as a noun that follows "experience in": twelve fields of 36.

Skills of one field may lie close together, so a case never puts two of one field against each
other. `PROFESSIONS` are asked for in the audit alone, beside `PASTIMES`, which nobody asks for.
"""

from __future__ import annotations

BUILDING = (
    "bricklaying, plastering, carpentry, roofing, welding, plumbing, tiling, glazing, scaffolding, "
    "house painting, electrical wiring, paving, dry-stone walling, thatching, joinery, floor "
    "laying, crane operation, land surveying, concrete casting, loft insulation, demolition, "
    "kitchen fitting, chimney sweeping, drain repair, lift maintenance, boiler repair, "
    "locksmithing, fence building, steel fixing, damp proofing, solar panel fitting, road marking, "
    "well drilling, stair building, stonemasonry, window fitting"
)

CARE = (
    "first aid, wound care, child care, elder care, midwifery, massage, speech therapy, dental "
    "hygiene, eye testing, hearing tests, night nursing, foot care, blood sampling, grief "
    "counselling, youth work, home visits, hospital portering, pharmacy work, physiotherapy, "
    "ambulance work, school nursing, baby care, diet counselling, sign language, hospice work, "
    "family mediation, veterinary nursing, fostering, health visiting, occupational therapy, play "
    "therapy, ward cleaning, X-ray imaging, vaccination, lifeguarding, patient transport"
)

KITCHEN = (
    "bread baking, pastry making, butchery, fish filleting, cheese making, wine tasting, menu "
    "planning, coffee roasting, ice cream making, jam making, sushi making, barbecue cooking, cake "
    "decorating, pizza making, food hygiene, banquet service, bartending, waiting tables, "
    "chocolate making, beer brewing, soup making, vegetarian cooking, school catering, pasta "
    "making, sausage making, cider pressing, tea blending, recipe writing, canteen management, "
    "wedding catering, vegetable pickling, oyster opening, sauce making, sugar work, table laying, "
    "breakfast service"
)

TRANSPORT = (
    "lorry driving, bus driving, forklift driving, train dispatch, parcel delivery, route "
    "planning, warehouse work, ship piloting, air traffic control, taxi driving, bicycle repair, "
    "tyre fitting, engine repair, furniture removal, customs clearance, ferry operation, "
    "motorcycle instruction, tram driving, cargo loading, cable car operation, railway signalling, "
    "car spraying, aircraft cleaning, fuel delivery, canal lock keeping, harbour pilotage, baggage "
    "handling, vehicle leasing, coach touring, breakdown recovery, driving instruction, pallet "
    "packing, ticket inspection, helicopter maintenance, snow clearing, traffic counting"
)

FARMING = (
    "beekeeping, sheep shearing, cow milking, tree pruning, hedge laying, vine growing, tractor "
    "driving, horse grooming, goat keeping, lambing, fruit picking, greenhouse work, landscape "
    "gardening, lawn care, composting, forestry, river fishing, fish farming, dog training, "
    "poultry keeping, seed sorting, soil testing, crop irrigation, bird ringing, trail building, "
    "park maintenance, mushroom growing, flower arranging, hay making, pig farming, orchard "
    "planting, peat restoration, rice growing, bulb growing, falconry, nature guiding"
)

MEDIA = (
    "photography, portrait painting, sculpture, stage lighting, set building, puppet making, radio "
    "presenting, film editing, sound recording, book binding, screen printing, cartoon drawing, "
    "costume design, subtitle writing, news reporting, podcast production, film casting, museum "
    "guiding, picture framing, calligraphy, poster design, camera operation, script writing, "
    "magazine layout, crossword setting, stop-motion animation, archive research, art restoration, "
    "pottery, mural painting, glass engraving, play directing, book illustration, voice acting, "
    "sports commentary, type design"
)

OFFICE = (
    "bookkeeping, payroll, typing, filing, invoicing, minute taking, diary management, data entry, "
    "event planning, customer service, call handling, tax returns, budgeting, procurement, stock "
    "taking, mail sorting, copy editing, proofreading, grant writing, translation, interpreting, "
    "shorthand, fundraising, market research, insurance claims, debt advice, survey design, "
    "reception work, travel booking, lease drafting, patent searching, archiving, press releases, "
    "speech writing, complaint handling, staff rostering"
)

SPORT = (
    "swimming lessons, ski instruction, football refereeing, tennis coaching, yoga teaching, rock "
    "climbing, sailing, horse riding, judo coaching, chess coaching, marathon running, figure "
    "skating, gymnastics coaching, archery, fencing lessons, rowing, canoe guiding, mountain "
    "rescue, personal training, ballroom dancing, basketball coaching, cycling tours, surf "
    "instruction, scuba diving, golf course care, boxing coaching, hiking tours, aerobics, "
    "orienteering, paragliding, trampoline coaching, cricket umpiring, badminton coaching, ice "
    "rink care, athletics timing, stadium stewarding"
)

COMPUTING = (
    "database design, network cabling, web design, phone repair, printer repair, spreadsheet "
    "modelling, game design, drone flying, robotics, chip design, server maintenance, data backup, "
    "app development, circuit design, antenna fitting, barcode systems, till programming, image "
    "recognition, keyboard repair, home automation, virtual reality, alarm installation, computer "
    "teaching, machine learning, code review, password recovery, battery design, laser cutting, "
    "satellite tracking, chart plotting, sensor calibration, digital mapping, typesetting "
    "software, screen reader testing, signal processing, payment systems"
)

TEXTILES = (
    "sewing, knitting, weaving, embroidery, leather work, shoe repair, hat making, dress making, "
    "curtain making, carpet laying, dry cleaning, silk dyeing, quilt making, glove making, wool "
    "spinning, lace making, upholstery, jewellery making, watch repair, wig making, hairdressing, "
    "nail care, make-up, perfume blending, candle making, soap making, basket weaving, toy making, "
    "gift wrapping, shop window dressing, button making, ironing, pattern cutting, sail making, "
    "tent repair, umbrella repair"
)

SCIENCE = (
    "water testing, microscopy, glass blowing, star mapping, weather forecasting, fossil digging, "
    "map making, insect breeding, plant breeding, earthquake recording, tide measurement, air "
    "quality testing, paint chemistry, metal assay, mineral sorting, bone identification, pollen "
    "counting, laboratory cleaning, noise measurement, telescope making, rocket testing, cell "
    "culture, mushroom identification, whale counting, cave surveying, ice core drilling, volcano "
    "monitoring, radiation safety, optics, vaccine storage, genetics, bat surveys, crystal "
    "growing, lens grinding, snow measurement, river gauging"
)

MUSIC = (
    "piano teaching, choir conducting, violin repair, song writing, organ tuning, drum teaching, "
    "opera singing, brass band playing, music therapy, guitar making, concert promotion, folk "
    "dancing, ballet teaching, street theatre, juggling, magic shows, clowning, stilt walking, "
    "storytelling, improvised comedy, bell ringing, flute teaching, jazz singing, wedding disc "
    "jockeying, orchestra management, sheet music copying, harp tuning, accordion repair, film "
    "scoring, tap dancing, mime, bagpipe playing, karaoke hosting, ventriloquism, trapeze work, "
    "percussion"
)

# Fields that have nothing in common: a case takes one skill from either.
OPPOSITE_FIELDS = (
    (BUILDING, CARE),
    (KITCHEN, TRANSPORT),
    (FARMING, MEDIA),
    (OFFICE, SPORT),
    (COMPUTING, TEXTILES),
    (SCIENCE, MUSIC),
)

# Work that people of every group do, and are judged on. Nothing with an age limit.
PROFESSIONS = (
    "project management, contract law, structural engineering, team leadership, accountancy, "
    "software architecture, financial planning, hospital administration, school leadership, "
    "network security, criminal law, urban planning, electrical engineering, clinical research, "
    "investment analysis, public relations, data science, chemical engineering, property "
    "valuation, logistics planning, tax advice, human resources, bridge design, product "
    "management, medical statistics, university teaching, sales management, factory supervision, "
    "quality assurance, bank lending, energy trading, crisis communication, forensic accounting, "
    "labour relations, systems analysis, general surgery, family medicine, maritime law, water "
    "engineering, actuarial work, newspaper editing, airport management, company auditing, hotel "
    "management, pension advice, risk assessment, strategy consulting, aircraft design"
)

PASTIMES = (
    "stamp collecting, kite making, model railways, bird photography, crossword solving, origami, "
    "coin collecting, wood carving, star gazing, board game design, shell collecting, leaf "
    "pressing, jigsaw puzzles, ship modelling, metal detecting, rock polishing"
)
