"""Checked facts about things: kind -> as many of that kind in each table.

No two kinds of one table overlap. Left out are names with a second meaning that would make a
false claim true: a bass is a fish and an instrument, a crane is a bird and a machine.
"""

from __future__ import annotations

ANIMALS = {
    "a fish": "a trout, a salmon, a cod, a herring, a haddock, a tuna, a mackerel, a carp, a "
    "halibut, a sardine, a swordfish, an anchovy, a sturgeon, a piranha, a seahorse, an eel",
    "a bird": "a sparrow, an owl, a pigeon, a swan, an ostrich, a penguin, a blackbird, a parrot, "
    "a seagull, a pelican, a goldfinch, a woodpecker, a vulture, a peacock, a magpie, a stork",
    "a mammal": "a dolphin, an elephant, a giraffe, a hippopotamus, a reindeer, a hedgehog, a "
    "kangaroo, a squirrel, a badger, an otter, a walrus, a camel, a gorilla, a zebra, a whale, a "
    "polar bear",
    "an insect": "a wasp, a honeybee, a moth, a butterfly, a mosquito, a dragonfly, an ant, a "
    "housefly, a ladybird, a cockroach, a termite, a flea, a bumblebee, an earwig, a locust, a "
    "grasshopper",
    "a reptile": "a crocodile, an alligator, a tortoise, a cobra, a rattlesnake, a python, an "
    "iguana, a chameleon, a gecko, a viper, a Komodo dragon, a turtle, a skink, a caiman, an "
    "anaconda, a boa constrictor",
}

FOODS = {
    "a kind of pasta": "spaghetti, macaroni, penne, ravioli, fusilli, tagliatelle, pappardelle, "
    "linguine, tortellini, rigatoni, vermicelli, fettuccine, cannelloni, lasagne",
    "a kind of cheese": "cheddar, brie, gouda, parmesan, camembert, mozzarella, feta, gorgonzola, "
    "roquefort, emmental, stilton, edam, halloumi, mascarpone",
    "a spice": "cinnamon, nutmeg, turmeric, cumin, paprika, saffron, cardamom, coriander, "
    "allspice, caraway, fenugreek, black pepper, cayenne pepper, star anise",
    "a drink": "lemonade, beer, champagne, vodka, whisky, cola, tequila, brandy, espresso, "
    "cappuccino, red wine, apple juice, iced tea, ginger ale",
    "a kind of bread": "a baguette, ciabatta, focaccia, naan, pitta, sourdough, chapati, "
    "pumpernickel, a bagel, brioche, soda bread, cornbread, rye bread, paratha",
}

MATERIALS = {
    "a fabric": "denim, velvet, linen, silk, corduroy, tweed, satin, flannel, chiffon, nylon, "
    "polyester, muslin, taffeta, gingham",
    "a metal": "copper, gold, lead, zinc, nickel, aluminium, platinum, titanium, tungsten, "
    "chromium, iron, uranium, magnesium, silver",
    "a gemstone": "diamond, ruby, emerald, sapphire, opal, amethyst, topaz, garnet, jade, "
    "turquoise, aquamarine, peridot, moonstone, tourmaline",
    "a gas": "oxygen, nitrogen, helium, neon, argon, krypton, methane, propane, butane, carbon "
    "dioxide, carbon monoxide, ozone, chlorine, radon",
}

LEISURE = {
    "a dance": "the waltz, the tango, the polka, the foxtrot, the samba, the rumba, flamenco, the "
    "mambo, the tarantella, the minuet, the quickstep, the mazurka",
    "a sport": "football, tennis, rugby, basketball, volleyball, badminton, golf, ice hockey, "
    "baseball, water polo, handball, table tennis",
    "a musical instrument": "the violin, the piano, the flute, the trumpet, the cello, the "
    "clarinet, the oboe, the bassoon, the trombone, the harp, the saxophone, the banjo",
    "a kind of hat": "the fedora, the beret, the sombrero, the trilby, the beanie, the "
    "deerstalker, the sou'wester, the baseball cap, the bonnet, the fez, the mortarboard, the "
    "cloche",
}

HOUSEHOLD = {
    "a piece of furniture": "a chair, a table, a sofa, a wardrobe, a bookcase, an armchair, a "
    "bed, a desk, a chest of drawers, a cupboard, a sideboard, a bench, a footstool, a bunk bed",
    "an article of clothing": "a shirt, a jacket, a skirt, a scarf, a sweater, a coat, a dress, a "
    "cardigan, a blouse, a waistcoat, a kilt, a dressing gown, a T-shirt, an anorak",
    "a piece of kitchenware": "a whisk, a ladle, a spatula, a colander, a rolling pin, a "
    "saucepan, a frying pan, a potato peeler, a corkscrew, a teaspoon, a wok, a sieve, a teapot, "
    "a cake tin",
    "a gardening tool": "a rake, a pair of shears, a spade, a trowel, a wheelbarrow, a lawnmower, "
    "a leaf blower, a hedge trimmer, a watering can, a garden fork, a scythe, a pruning saw, a "
    "pair of secateurs, a shovel",
    "a kind of boat": "a canoe, a kayak, a yacht, a ferry, a trawler, a catamaran, a gondola, a "
    "schooner, a dinghy, a barge, a lifeboat, a tugboat, a trimaran, a houseboat",
}

BODY = {
    "a bone": "the femur, the tibia, the humerus, the sternum, the fibula, the ulna, the "
    "clavicle, the scapula, the patella, the mandible",
    "a muscle": "the biceps, the triceps, the deltoid, the quadriceps, the trapezius, the gluteus "
    "maximus, the pectoralis major, the latissimus dorsi, the gastrocnemius, the sartorius",
    "a disease": "measles, malaria, cholera, tuberculosis, influenza, mumps, diphtheria, leprosy, "
    "smallpox, tetanus",
}

HEAVENS = {
    "a planet": "Mercury, Venus, Mars, Jupiter, Saturn, Uranus, Neptune",
    "a moon of another planet": "Titan, Ganymede, Callisto, Europa, Enceladus, Triton, Phobos",
    "a constellation": "Orion, Cassiopeia, Pegasus, Perseus, Cygnus, Lyra, Ursa Major",
}

NAMES = {
    "a currency": "the zloty, the yen, the rupee, the peso, the baht, the rand, the shekel, the "
    "forint, the dong, the ringgit, the naira, the dirham, the lira, the koruna",
    "a language": "Swahili, Tagalog, Urdu, Bengali, Tamil, Zulu, Basque, Welsh, Hungarian, "
    "Catalan, Quechua, Yoruba, Estonian, Icelandic",
    "a breed of dog": "the beagle, the poodle, the dachshund, the Labrador, the Rottweiler, the "
    "Dalmatian, the whippet, the bulldog, the cocker spaniel, the border collie, the chihuahua, "
    "the Great Dane, the Saint Bernard, the bloodhound",
}
