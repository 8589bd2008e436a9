namespace Pilotfish.Capture.Nftables;

/// <summary>Which packets a merged rule is for.</summary>
internal enum AddressFamilies
{
    V4,
    V6,
    Both,
}
