using System.Text.Json;
using System.Text.Json.Nodes;

namespace Pilotfish.Capture.Cni.Install;

/// <summary>Our plugin's entry in a network configuration.</summary>
internal static class CniEntry
{
    /// <summary>The plugin's type, and so the file name of its program.</summary>
    public const string PluginType = "istio-cni";

    /// <summary>The version in a configuration of our own; in a chain, the chain's counts.</summary>
    public const string Version = "0.3.1";

    public static JsonObject Make(InstallOptions options)
    {
        if (options.EntryText.Length > 0)
        {
            return Parse(options.EntryText);
        }

        var excluded = new JsonArray();
        foreach (string ns in options.ExcludedNamespaces)
        {
            excluded.Add((JsonNode)ns);
        }

        return new JsonObject
        {
            ["cniVersion"] = Version,
            ["name"] = PluginType,
            ["type"] = PluginType,
            ["plugin_log_level"] = options.LogLevel,
            ["cni_agent_run_dir"] = options.RunDir,
            ["ambient_enabled"] = false,
            ["exclude_namespaces"] = excluded,
            ["pod_namespace"] = options.PodNamespace,
            ["native_nftables"] = options.NativeNftables,
        };
    }

    private static JsonObject Parse(string text)
    {
        try
        {
            return JsonNode.Parse(text) is JsonObject entry && entry["type"]?.ToString() == PluginType
                ? entry
                : throw new CaptureException(
                    $"--{InstallFlags.NetworkConfig} must be a JSON object whose 'type' is '{PluginType}'.");
        }
        catch (JsonException e)
        {
            throw new CaptureException($"--{InstallFlags.NetworkConfig} is no JSON: {e.Message}");
        }
    }
}
