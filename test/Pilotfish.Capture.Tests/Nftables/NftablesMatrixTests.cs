namespace Pilotfish.Capture.Tests.Nftables;

public sealed class NftablesMatrixTests() : CaptureMatrixTests(nftables: true);
