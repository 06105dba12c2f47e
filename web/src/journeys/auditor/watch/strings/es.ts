/** Words about watches in Spanish. */

import type { Like } from "~/strings";
import type { en } from "./en";

export const es: Like<typeof en> = {
  noted: "Su revisión también queda en el registro: lo que busca y abre aquí deja sus propias entradas.",
  over: {
    expired: "Su revisión ha terminado",
    ended: "Su revisión ha terminado",
    spent: "Su revisión ha terminado",
  },
  why: {
    expired: "Una revisión dura como máximo una hora; lo que se mostraba aquí se ha quitado de la pantalla.",
    ended: "Se ha cerrado; lo que se mostraba aquí se ha quitado de la pantalla.",
    spent: "Se han mostrado tantas páginas como permite una revisión.",
  },
  again: "Revisar de nuevo",
  whoLog: "a su organización la función de responsable de privacidad",
  whoAdministration: "a su organización la función de administración",
};
