/** Español. */

import type { Like } from "~/strings";
import type { en } from "./en";

export const es: Like<typeof en> = {
  title: "Represente usted una consulta",
  about: (clinic: string) =>
    `${clinic} es inventada y vive en este equipo. Abra a cada persona en su propia pestaña: cada pestaña es otra persona, con sus propias claves.`,
  stale: "La demostración ya no responde. Lo que se ve puede ser antiguo; vuelva a iniciarla en la terminal.",
  closed: "Esta página pertenece a una demostración",
  closedText:
    "Los enlaces a todas sus personas se muestran solo a quien tiene la dirección completa. Inicie `make demo` y abra la dirección que imprime.",
  parts: {
    clinician: {
      name: "Profesional",
      todo: "Ábralo primero. Ve a los pacientes de hoy, los admite, escribe notas, graba y puede acceder por emergencia.",
    },
    patient: {
      name: "Paciente",
      todo: "Pruebe la cámara y el micrófono, acepte o no, espere su turno y hable. Después vea quién leyó su historial.",
    },
    auditor: {
      name: "Auditoría",
      todo: "Siga cada acceso en el momento, abra una decisión y repítala. Una emergencia espera su juicio.",
    },
    administrator: {
      name: "Administración",
      todo: "Vea el estado del nodo, las personas, los aparatos, las reglas y los contratos.",
    },
  },
  open: "Abrir en otra pestaña",
  openFor: (part: string) => `Abrir en otra pestaña: ${part}`,
  here: "Está aquí",
  known: "¿Cerró la pestaña? Vuelva a entrar",
  preparing: "Preparando los enlaces",
  ready: {
    title: "Qué hace la clínica mientras tanto",
    visit: "Programa la consulta para ahora, cuando llega el profesional",
    identity: "Ofrece al paciente una credencial, para que la acepte y muestre con ella quién es",
    device: "Conecta el pulsímetro del paciente, cuando este llega",
    messages: "Escribe el primer mensaje",
    record: "Sella el historial y deja que el equipo lo lea",
    history: "Cierra una consulta anterior con su prueba; alguien accede por emergencia",
    live: "Durante la consulta, el pulsímetro envía cada pocos segundos un pulso real grabado, firmado.",
  },
  after: {
    title: "Después",
    text: "Termine y cierre la consulta como profesional, descargue su prueba en cualquiera de las pestañas y suéltela en la página que la comprueba sin este nodo.",
    verify: "Abrir el comprobador",
  },
  sound: "Con las dos pestañas en un mismo equipo, silencie una: se oyen entre sí.",
  fault: (code: string) =>
    `La clínica no pudo hacerlo todo para estas personas (${code}). Lo demás funciona; con otras personas se empieza de nuevo.`,
  again: "Jugar con otras personas",
  full: "Esta demostración ya ha jugado todas sus rondas. Vuelva a iniciarla para más.",
  earlier: (number: number) => `Ronda ${number}`,
};
