/** Words about watches in Spanish. */

import type { Like } from "~/strings";
import type { en } from "./en";

export const es: Like<typeof en> = {
  noted: "Su consulta también queda en el registro: lo que busca y abre aquí deja sus propias entradas.",
  over: {
    expired: "Su consulta ha terminado",
    ended: "Su consulta ha terminado",
    spent: "Su consulta ha terminado",
  },
  why: {
    expired: "Una consulta dura como máximo una hora; lo que se mostraba aquí se ha quitado de la pantalla.",
    ended: "Se ha cerrado; lo que se mostraba aquí se ha quitado de la pantalla.",
    spent: "Se han mostrado tantas páginas como permite una consulta.",
  },
  again: "Consultar de nuevo",
  whoLog: "a su organización la función de responsable de privacidad",
  whoAdministration: "a su organización la función de administración",
};
