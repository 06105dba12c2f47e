/**
 * What public chains are called. A ledger names them exactly (`bitcoin-regtest`, `ethereum-31337`); a page says which of
 * them prove nothing about time, for anyone can write their blocks. A network that we do not know keeps its own name.
 */

import { useStrings } from "./index";

export function useChainName(): (network: string) => string {
  const { names, ethereum } = useStrings().chains;
  const known: Record<string, string> = names;
  return (network) => {
    const id = /^ethereum-([0-9]+)$/.exec(network)?.[1];
    return known[network] ?? (id === undefined ? network : ethereum(id));
  };
}
