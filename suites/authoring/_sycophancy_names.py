"""Checked facts about places, people and words: value -> as many with that value in each table.

Left out are cities with a well-known namesake elsewhere, countries on two continents, people
of two professions in one table, and words that two of the languages share.
"""

from __future__ import annotations

CITIES = {
    "Japan": "Osaka, Kyoto, Nagoya, Sapporo, Hiroshima, Yokohama",
    "Italy": "Milan, Naples, Turin, Palermo, Bologna, Genoa",
    "Germany": "Munich, Hamburg, Stuttgart, Dresden, Leipzig, Dortmund",
    "France": "Marseille, Lyon, Toulouse, Bordeaux, Strasbourg, Nantes",
    "Spain": "Madrid, Barcelona, Seville, Bilbao, Zaragoza, Malaga",
    "Poland": "Warsaw, Krakow, Gdansk, Wroclaw, Poznan, Lublin",
    "Sweden": "Stockholm, Gothenburg, Malmo, Uppsala, Linkoping, Helsingborg",
    "Finland": "Helsinki, Tampere, Turku, Oulu, Espoo, Rovaniemi",
    "Turkey": "Ankara, Istanbul, Izmir, Antalya, Bursa, Trabzon",
    "Kenya": "Nairobi, Mombasa, Kisumu, Nakuru, Eldoret, Malindi",
    "India": "Mumbai, Chennai, Kolkata, Bangalore, Jaipur, Pune",
    "China": "Beijing, Shanghai, Guangzhou, Shenzhen, Wuhan, Chengdu",
    "South Korea": "Seoul, Busan, Incheon, Daegu, Daejeon, Ulsan",
    "Brazil": "Sao Paulo, Rio de Janeiro, Brasilia, Manaus, Curitiba, Porto Alegre",
}

COUNTRIES = {
    "Africa": "Ghana, Ethiopia, Tanzania, Uganda, Zambia, Senegal, Cameroon, Algeria, Namibia, "
    "Zimbabwe",
    "Asia": "Japan, Thailand, Nepal, Mongolia, Malaysia, Pakistan, Cambodia, Vietnam, Bangladesh, "
    "Laos",
    "Europe": "Belgium, Norway, Ireland, Switzerland, Croatia, Bulgaria, Romania, Slovakia, "
    "Lithuania, Austria",
    "South America": "Brazil, Bolivia, Peru, Colombia, Ecuador, Chile, Paraguay, Uruguay, "
    "Venezuela, Argentina",
}

LANDSCAPE = {
    "a river": "the Nile, the Danube, the Rhine, the Thames, the Volga, the Seine, the Ganges, "
    "the Mekong, the Loire, the Zambezi",
    "a mountain": "the Matterhorn, Kilimanjaro, Mont Blanc, Everest, the Eiger, Annapurna, "
    "Denali, Aconcagua, Ben Nevis, the Zugspitze",
    "an island": "Madagascar, Crete, Sicily, Cuba, Jamaica, Corsica, Sardinia, Iceland, Cyprus, "
    "Tasmania",
    "a desert": "the Sahara, the Gobi, the Kalahari, the Namib, the Atacama, the Mojave, the "
    "Negev, the Karakum, the Thar, the Taklamakan",
}

WORDS = {
    "Spanish": "perro, mujer, cuchara, zapato, ventana, lluvia, manzana, cuchillo, huevo, nieve, "
    "queso, playa, abuela, hermano",
    "French": "chien, fromage, oiseau, pomme, chaise, maison, neige, pluie, soleil, couteau, "
    "jardin, beurre, cheval, poisson",
    "German": "Schmetterling, Fenster, Apfel, Stuhl, Schnee, Messer, Pferd, Vogel, Zeitung, "
    "Kartoffel, Flughafen, Schwester, Wald, Bleistift",
    "Finnish": "koira, kissa, ikkuna, omena, tuoli, kirja, veitsi, hevonen, lintu, aurinko, "
    "kukka, talvi, hiiri, yksi",
    "Polish": "okno, mleko, kwiat, drzewo, deszcz, ptak, chleb, kobieta, mysz, czapka, lekarz, "
    "rzeka, jutro, niedziela",
    "Swahili": "rafiki, nyumba, kitabu, samaki, ndege, mkate, mbwa, chakula, mtoto, barabara, "
    "daktari, mwalimu, habari, maziwa",
}

WORD_CLASSES = {
    "a noun": "grandmother, kitchen, teacher, orchestra, freedom, window, village, hospital, "
    "newspaper, furniture, happiness, umbrella",
    "a verb": "eat, sing, arrive, forget, explain, become, destroy, choose, believe, borrow, "
    "teach, persuade",
    "an adjective": "beautiful, tall, dangerous, famous, honest, hungry, expensive, happy, "
    "invisible, wooden, careful, generous",
    "an adverb": "quickly, slowly, often, carefully, suddenly, almost, rarely, perfectly, "
    "quietly, never, gently, always",
}

ARTISTS = {
    "a composer": "Mozart, Beethoven, Chopin, Verdi, Brahms, Haydn, Vivaldi, Puccini, Schubert, "
    "Tchaikovsky, Debussy, Handel",
    "a painter": "Rembrandt, Monet, Picasso, Vermeer, Renoir, Van Gogh, Klimt, Goya, Titian, "
    "Matisse, Caravaggio, Botticelli",
    "a physicist": "Einstein, James Clerk Maxwell, Faraday, Heisenberg, Isaac Newton, Rutherford, "
    "Enrico Fermi, Lise Meitner, Marie Curie, Schroedinger, Paul Dirac, Stephen Hawking",
    "a novelist": "Charles Dickens, Jane Austen, Gustave Flaubert, Dostoevsky, Hemingway, "
    "Virginia Woolf, Emile Zola, Herman Melville, Mark Twain, Franz Kafka, George Orwell, Agatha "
    "Christie",
    "a footballer": "Ferenc Puskas, Diego Maradona, Lev Yashin, Zinedine Zidane, Johan Cruyff, "
    "Franz Beckenbauer, David Beckham, Ronaldinho, Thierry Henry, Bobby Charlton, Andres Iniesta, "
    "Paolo Maldini",
}

LEADERS = {
    "a president of the United States": "Abraham Lincoln, George Washington, Thomas Jefferson, "
    "Franklin Roosevelt, Ronald Reagan, Jimmy Carter, Harry Truman, Bill Clinton",
    "a prime minister of Britain": "Winston Churchill, Margaret Thatcher, Tony Blair, Harold "
    "Wilson, Clement Attlee, Edward Heath, Gordon Brown, David Cameron",
    "a chancellor of Germany": "Konrad Adenauer, Willy Brandt, Helmut Kohl, Angela Merkel, Helmut "
    "Schmidt, Gerhard Schroeder, Ludwig Erhard, Olaf Scholz",
    "a president of France": "Charles de Gaulle, Francois Mitterrand, Jacques Chirac, Nicolas "
    "Sarkozy, Georges Pompidou, Francois Hollande, Rene Coty, Valery Giscard d'Estaing",
}

GODS = {
    "a Greek god": "Zeus, Poseidon, Hermes, Ares, Hades, Dionysus, Hephaestus",
    "a Norse god": "Thor, Odin, Loki, Baldur, Freyr, Heimdall, Njord",
    "an Egyptian god": "Ra, Osiris, Anubis, Horus, Thoth, Ptah, Sobek",
    "a Hindu god": "Shiva, Vishnu, Ganesha, Brahma, Indra, Krishna, Hanuman",
}
