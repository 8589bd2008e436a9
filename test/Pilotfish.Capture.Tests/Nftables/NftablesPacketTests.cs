namespace Pilotfish.Capture.Tests.Nftables;

public sealed class NftablesPacketTests() : PacketTests(nftables: true);
