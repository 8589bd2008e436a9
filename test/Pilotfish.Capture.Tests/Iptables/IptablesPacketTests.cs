namespace Pilotfish.Capture.Tests.Iptables;

public sealed class IptablesPacketTests() : PacketTests(nftables: false);
