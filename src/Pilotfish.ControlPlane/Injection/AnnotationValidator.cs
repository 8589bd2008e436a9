using System.Net;
using System.Text.RegularExpressions;
using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Configuration;
using Pilotfish.ControlPlane.Injection.Shapes;
using Pilotfish.Language.Numbers;

namespace Pilotfish.ControlPlane.Injection;

/// <summary>Checks the annotations that tune injection before any of them reaches a rule, an argument or a template.</summary>
internal static partial class AnnotationValidator
{
    /// <summary>Entries of a list of ranges, ports or interfaces. Rules grow with them, and a pod needs a handful.</summary>
    private const int ListMax = 1000;

    /// <summary>Linux' IFNAMSIZ less the closing zero.</summary>
    private const int InterfaceNameMax = 15;

    private static readonly Dictionary<string, Func<string, string?>> s_checks = new(StringComparer.Ordinal)
    {
        ["sidecar.istio.io/interceptionMode"] = CheckMode,
        ["status.sidecar.istio.io/port"] = value => CheckPort(value) is { } e ? "status port invalid: " + e : null,
        ["readiness.status.sidecar.istio.io/initialDelaySeconds"] = CheckCount,
        ["readiness.status.sidecar.istio.io/periodSeconds"] = CheckCount,
        ["readiness.status.sidecar.istio.io/failureThreshold"] = CheckCount,
        ["traffic.sidecar.istio.io/includeOutboundIPRanges"] = value => value == "*" ? null : CheckRanges("includeIPRanges", value),
        ["traffic.sidecar.istio.io/excludeOutboundIPRanges"] = value => CheckRanges("excludeIPRanges", value),
        ["traffic.sidecar.istio.io/includeInboundPorts"] = value => value == "*" ? null : CheckPorts("includeInboundPorts", value),
        ["traffic.sidecar.istio.io/excludeInboundPorts"] = value => CheckPorts("excludeInboundPorts", value),
        ["traffic.sidecar.istio.io/includeOutboundPorts"] = value => CheckPorts("includeOutboundPorts", value),
        ["traffic.sidecar.istio.io/excludeOutboundPorts"] = value => CheckPorts("excludeOutboundPorts", value),
        ["traffic.sidecar.istio.io/excludeInterfaces"] = CheckInterfaces,
        ["traffic.sidecar.istio.io/kubevirtInterfaces"] = CheckInterfaces,
        ["istio.io/reroute-virtual-interfaces"] = CheckInterfaces,
        ["prometheus.istio.io/merge-metrics"] = value => GoBoolean.Parse(value) is null ? "it is no boolean" : null,
        ["proxy.istio.io/config"] = CheckProxyConfig,
        ["sidecar.istio.io/proxyCPU"] = CheckQuantity,
        ["sidecar.istio.io/proxyMemory"] = CheckQuantity,
        ["sidecar.istio.io/proxyCPULimit"] = CheckQuantity,
        ["sidecar.istio.io/proxyMemoryLimit"] = CheckQuantity,
        ["sidecar.istio.io/proxyImage"] = value => CheckWord(value, ImageName(), "an image name"),
        ["sidecar.istio.io/proxyImageType"] = value => CheckWord(value, ImageName(), "an image's suffix"),
        ["sidecar.istio.io/logLevel"] = CheckLogLevel,
        ["sidecar.istio.io/componentLogLevel"] = CheckLogLevel,
        ["sidecar.istio.io/agentLogLevel"] = CheckLogLevel,
        ["sidecar.istio.io/bootstrapOverride"] = value => CheckWord(value, ObjectName(), "the name of a ConfigMap"),
        ["sidecar.istio.io/discoveryAddress"] = value => CheckWord(value, HostAndPort(), "a host with its port"),
        ["sidecar.istio.io/userVolume"] = CheckVolumes,
        ["sidecar.istio.io/userVolumeMount"] = CheckVolumes,
        ["prometheus.io/scrape"] = CheckText,
        ["prometheus.io/path"] = CheckText,
        ["prometheus.io/port"] = CheckText,
        ["prometheus.istio.io/scrape-targets"] = CheckText,
        ["inject.istio.io/templates"] = CheckText,
        ["istio.io/rev"] = CheckText,
    };

    private static readonly string[] s_sidecarPrefixes = ["sidecar.istio.io/", "readiness.status.sidecar.istio.io/", "traffic.sidecar.istio.io/"];

    /// <summary>Looked at where they are used: what is not understood there has no effect.</summary>
    private static readonly string[] s_free = ["sidecar.istio.io/status", "sidecar.istio.io/inject"];

    /// <exception cref="InjectionException">Names every bad annotation with its value.</exception>
    public static void Check(YamlMapping? annotations)
    {
        var errors = new List<string>();
        foreach (var entry in annotations?.Entries ?? [])
        {
            if (entry.Value is YamlScalar scalar && CheckOf(entry.Key) is { } check && check(scalar.Text) is { } error)
            {
                errors.Add($"invalid value '{ShownText.Of(scalar.Text)}' for annotation '{entry.Key}': {error}");
            }
        }

        if (errors.Count > 0)
        {
            throw new InjectionException(string.Join("; ", errors));
        }
    }

    /// <summary>What is for the sidecar and has no check of its own is still a text: the agent reads it as such.</summary>
    private static Func<string, string?>? CheckOf(string name) =>
        s_checks.TryGetValue(name, out var check) ? check
        : s_free.Contains(name) ? null
        : s_sidecarPrefixes.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal)) ? CheckLines
        : null;

    private static string? CheckMode(string value) =>
        value is "REDIRECT" or "TPROXY" or "NONE" ? null : "interceptionMode invalid, use REDIRECT, TPROXY or NONE";

    private static string? CheckCount(string value) =>
        DecimalText.TryParse(value, out uint _) ? null : "it is no whole number from 0 to 4294967295";

    private static string? CheckPort(string value) =>
        DecimalText.TryParse(value.Trim(), out ushort _)
            ? null
            : $"'{ShownText.Of(value)}' is no port from 0 to 65535";

    private static string? CheckPorts(string name, string value) =>
        value.Trim().Length == 0 ? null : CheckList(name, value, CheckPort);

    private static string? CheckRanges(string name, string value) =>
        value.Length == 0 ? null : CheckList(name, value, CheckRange);

    private static string? CheckRange(string value)
    {
        var parts = value.Split('/');
        var isRange = parts.Length == 2
            && IPAddress.TryParse(parts[0], out var address) && AddressText().IsMatch(parts[0])
            && (parts[0].Contains(':', StringComparison.Ordinal) || parts[0].Count(c => c == '.') == 3)
            && DecimalText.TryParse(parts[1], out byte length)
            && length <= address.GetAddressBytes().Length * 8;
        return isRange ? null : $"'{ShownText.Of(value)}' is no CIDR range such as 10.0.0.0/8";
    }

    private static string? CheckInterfaces(string value) =>
        value.Length == 0 ? null : CheckList("interface names", value, CheckInterface);

    private static string? CheckInterface(string value)
    {
        var name = value.Trim();
        return name.Length is > 0 and <= InterfaceNameMax && InterfaceName().IsMatch(name)
            ? null
            : $"'{ShownText.Of(name)}' is no interface name of 1 to {InterfaceNameMax} letters, digits, '_', '.' or '-'";
    }

    private static string? CheckText(string value) => value.Any(char.IsControl) ? "it contains control characters" : null;

    private static string? CheckLines(string value) => CheckText(value.Replace("\n", "", StringComparison.Ordinal).Replace("\t", "", StringComparison.Ordinal));

    private static string? CheckWord(string value, Regex form, string wanted) =>
        value.Length == 0 || form.IsMatch(value) ? null : $"it is not {wanted}";

    private static string? CheckLogLevel(string value) => CheckWord(value, LogLevel(), "a log level, or levels such as default:info,http:debug");

    private static string? CheckVolumes(string value)
    {
        var parsed = YamlDocuments.Parse(value, "volumes");
        return parsed.IsOk && parsed.Documents is [] or [YamlMapping or YamlSequence] ? null : "it is no JSON object";
    }

    private static string? CheckQuantity(string value) =>
        CheckText(value) ?? (Quantity.TryParse(value, out _) ? null : "it is no quantity such as 100m or 128Mi");

    private static string? CheckProxyConfig(string value)
    {
        try
        {
            var config = ProxyConfigMerge.Parse(value);
            return ProxyConfigCheck.FindError(config);
        }
        catch (InjectionException e)
        {
            return e.Message;
        }
    }

    private static string? CheckList(string name, string value, Func<string, string?> check)
    {
        var items = value.Split(',');
        if (items.Length > ListMax)
        {
            return $"{name} invalid: more than {ListMax} entries";
        }

        return items.Select(check).FirstOrDefault(error => error is not null) is { } first ? $"{name} invalid: {first}" : null;
    }

    [GeneratedRegex(@"^[0-9a-fA-F:.]+\z")]
    private static partial Regex AddressText();

    [GeneratedRegex(@"^[a-zA-Z0-9_.:/@-]{1,512}\z")]
    private static partial Regex ImageName();

    [GeneratedRegex(@"^[a-zA-Z0-9_.:,*=-]{1,1024}\z")]
    private static partial Regex LogLevel();

    [GeneratedRegex(@"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\z")]
    private static partial Regex ObjectName();

    [GeneratedRegex(@"^[a-zA-Z0-9_.:\[\]-]{1,512}\z")]
    private static partial Regex HostAndPort();

    [GeneratedRegex(@"^[a-zA-Z][a-zA-Z0-9_.\-]*\z")]
    private static partial Regex InterfaceName();
}
