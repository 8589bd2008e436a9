using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Merging;
using Pilotfish.ControlPlane.Injection.Shapes;
using Pilotfish.Language.Numbers;

namespace Pilotfish.ControlPlane.Injection.Configuration;

/// <summary>Whether the values of a proxy config make sense: what Istio refuses, refused with the field's name.</summary>
internal static class ProxyConfigCheck
{
    private const int PortMax = 65535;

    /// <summary>A sentence about the first fault; null where there is none. Absent fields have good defaults.</summary>
    public static string? FindError(YamlMapping config) =>
        CheckText(config, "configPath")
        ?? CheckText(config, "binaryPath")
        ?? CheckText(config, "serviceCluster")
        ?? CheckDuration(config, "drainDuration")
        ?? CheckDuration(config, "terminationDrainDuration")
        ?? CheckPort(config, "proxyAdminPort")
        ?? CheckPort(config, "statusPort")
        ?? CheckCount(config, "statNameLength")
        ?? CheckCount(config, "concurrency")
        ?? CheckAddress(config, "discoveryAddress")
        ?? CheckAddress(config, "statsdUdpAddress")
        ?? CheckSampling(config);

    private static string? CheckText(YamlMapping config, string field) =>
        config.ContainsKey(field) && string.IsNullOrEmpty(config.Text(field)) ? $"{field} must be set" : null;

    private static string? CheckDuration(YamlMapping config, string field) =>
        config.Text(field) is { } text && ProtoDuration.TryParse(text, out var seconds) && seconds < 0
            ? $"{field} must not be negative"
            : null;

    private static string? CheckPort(YamlMapping config, string field) =>
        Number(config[field]) is { } number && number is (< 0 or > PortMax)
            ? $"{field} must be between 0 and {PortMax}"
            : null;

    private static string? CheckCount(YamlMapping config, string field) =>
        Number(config[field]) is < 0 ? $"{field} must not be negative" : null;

    private static string? CheckAddress(YamlMapping config, string field)
    {
        if (config.Text(field) is not { Length: > 0 } address)
        {
            return null;
        }

        var colon = address.LastIndexOf(':');
        var hasPort = colon > 0 && DecimalText.TryParse(address.AsSpan(colon + 1), out int port) && port is > 0 and <= PortMax;
        return hasPort ? null : $"{field} must be host:port with a port from 1 to {PortMax}";
    }

    private static string? CheckSampling(YamlMapping config) =>
        config.At("tracing", "sampling") is YamlScalar scalar && scalar.TryGetDouble(out var rate) && rate is (< 0 or > 100)
            ? "tracing.sampling must be between 0 and 100"
            : null;

    private static long? Number(YamlNode? node) =>
        node is YamlScalar scalar && scalar.TryGetInteger(out var number) ? (long)number : null;
}
