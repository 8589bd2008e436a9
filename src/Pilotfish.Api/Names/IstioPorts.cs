namespace Pilotfish.Api.Names;

/// <summary>The ports that a sidecar and its control plane occupy; manifests, rules and dashboards name them by number.</summary>
public static class IstioPorts
{
    public const int ProxyAdmin = 15000;
    public const int Outbound = 15001;
    public const int CaptureProbe = 15002;
    public const int AgentDebug = 15004;
    public const int Inbound = 15006;
    public const int Tunnel = 15008;
    public const int DiscoveryPlaintext = 15010;
    public const int DiscoveryTls = 15012;
    public const int DiscoveryMonitoring = 15014;
    public const int DiscoveryWebhook = 15017;
    public const int DiscoveryHttp = 8080;
    public const int AgentStatus = 15020;
    public const int ProxyHealth = 15021;
    public const int DnsProxy = 15053;
    public const int ProxyPrometheus = 15090;
    public const int GatewayAutoPassthrough = 15443;
}
