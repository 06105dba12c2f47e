/** The words of the verifier's page in Spanish. */

import type { Like } from "~/strings";
import type { en } from "./en";

export const es: Like<typeof en> = {
  title: "Verificar una prueba",
  subtitle:
    "Se abre y se comprueba aquí, en este navegador. No se envía nada; no hacen falta cuenta ni conexión.",
  drop: "Suelte aquí una prueba",
  choose: "o elija un archivo",
  kinds:
    "Un paquete de prueba termina en .zip y tiene 64 MB como mucho. La prueba de una anotación termina en .tlog-proof; suelte la anotación con ella.",
  another: "Comprobar otra prueba",
  stop: "Detener",
  working: (step, of, title) => `Paso ${step} de ${of}: ${title}`,
  running: "Se está comprobando",
  waits: "Aún sin comprobar",
  notRun: "Sin comprobar",
  holds: "Se sostiene",
  fails: "Falla",
  steps: "Paso a paso",
  exactly: "En las propias palabras del verificador (en inglés)",
  code: "Código",
  level: "Nivel de garantía",
  reached: (level) => `Alcanzado: ${level}`,
  next: (level) => `Lo que le falta para ${level}`,
  since: "desde",
  restsOn: "En qué se apoya sin prueba (en inglés)",
  about: "De qué trata",
  file: "Archivo",
  ledger: "Registro",
  subject: "Asunto",
  bytes: (size) => `${size} bytes`,
  known: "Lo que sé por otra vía",
  knownText:
    "Sin esto solo puede mostrarse que una prueba concuerda consigo misma. Pida a la organización las claves de su registro por otra vía: su sitio web, una carta, su auditor.",
  keys: "Claves del registro, una por línea",
  keysHint: "Las dos líneas de log.vkeys del registro: Ed25519 y ML-DSA-44.",
  policy: "Política de testigos (C2SP tlog-policy)",
  levels: "Reglas de los niveles (TOML)",
  shipped: "Las reglas que trae el verificador",
  none: "Ninguna",
  remove: "Quitar",
  require: "Exigir al menos",
  remember: "Guardar las claves en este navegador",
  refused: {
    "pin-refused": "No se pueden leer las claves o la política que usted dio.",
    "levels-refused": "No se pueden leer las reglas de los niveles que usted dio.",
    "witness-card-refused": "No se puede leer una de las tarjetas que usted dio.",
    "half-signature": "Una de las tarjetas que usted dio está firmada solo a medias.",
    "entry-too-large": "La anotación que usted dio es más grande de lo que puede ser una: 64 KB.",
    "limit-exceeded": "Este archivo es más grande de lo que puede ser una prueba: 64 MB.",
    internal: "No se pudo ejecutar el verificador en este navegador. Eso no dice nada de la prueba.",
  },
  unreadable: "No se pudo leer este archivo.",
  needed: {
    "entry-needed":
      "Esto prueba una anotación. Añada abajo el archivo de la anotación y se comprueba al momento.",
    "keys-needed": "Esto prueba una anotación y no contiene claves. Dé abajo las dos claves de su registro.",
  } as Readonly<Record<string, string>>,
  oneEntry: "Para la prueba de una anotación",
  oneEntryText:
    "Una prueba así no contiene ni la anotación ni quién firmó. Ambas cosas están en otros archivos que usted puede tener.",
  entry: "La anotación, exactamente como está en el registro",
  cards: "Tarjetas de testigos, notarios y del registro",
  limits: "Lo que un buen veredicto no dice",
  limitsList: [
    "Que lo registrado sea cierto o médicamente correcto, ni quién es un seudónimo.",
    "Que el reloj del nodo fuera exacto, más allá de lo que muestran testigos y cadenas públicas.",
    "En el nivel 1: que el nodo mostrara a todos el mismo registro. Para eso hacen falta testigos.",
    "Que alguien pudiera hacer lo que pidió. Que lo pidió está probado.",
  ],
};
