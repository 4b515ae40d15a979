import { HandClock } from "@openwhisk-harvest/testkit";
import { limitedContainerContract } from "./limited-container.contract.js";
import { MemoryContainer } from "./memory-container.kit.js";

let count = 0;

limitedContainerContract("in memory", {
  hasMemoryHigh: true,
  open: async () => {
    const container = new MemoryContainer(`c${count++}`, { cpuCores: 1, memoryMb: 256 }, new HandClock());
    const inForce = () => {
      const { cpuCoresInForce: cpuCores, memoryMb, memoryHighMb } = container;
      return { cpuCores, memoryMb, memoryHighMb };
    };
    return { container, inForce };
  },
});
