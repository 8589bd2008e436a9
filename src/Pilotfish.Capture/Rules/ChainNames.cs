namespace Pilotfish.Capture.Rules;

/// <summary>Names of chains: the kernel's own and those that Istio's tools look for.</summary>
internal static class ChainNames
{
    public const string Input = "INPUT";
    public const string Output = "OUTPUT";
    public const string Forward = "FORWARD";
    public const string Prerouting = "PREROUTING";

    /// <summary>Every chain of ours starts so; residue of earlier runs is found by it.</summary>
    public const string IstioPrefix = "ISTIO_";

    public const string IstioOutput = "ISTIO_OUTPUT";
    public const string IstioOutputDns = "ISTIO_OUTPUT_DNS";
    public const string IstioInbound = "ISTIO_INBOUND";
    public const string IstioDivert = "ISTIO_DIVERT";
    public const string IstioTproxy = "ISTIO_TPROXY";
    public const string IstioRedirect = "ISTIO_REDIRECT";
    public const string IstioInRedirect = "ISTIO_IN_REDIRECT";
    public const string IstioDrop = "ISTIO_DROP";

    public static bool IsOurs(string chain) => chain.StartsWith(IstioPrefix, StringComparison.Ordinal);
}
