using System.Globalization;
using System.Text;
using Pilotfish.Local.Manifests;

namespace Pilotfish.Local.Pods;

/// <summary>Answers fieldRef and resourceFieldRef, for variables and downward files.</summary>
internal sealed class PodFields(PodSpec pod, IReadOnlyList<string> podAddresses, string nodeName, string nodeAddress)
{
    private const int MilliPerUnit = 1000;

    public string? Field(string path)
    {
        if (TryMapKey(path, "metadata.labels", out string key))
        {
            return pod.Labels.GetValueOrDefault(key, string.Empty);
        }

        if (TryMapKey(path, "metadata.annotations", out key))
        {
            return pod.Annotations.GetValueOrDefault(key, string.Empty);
        }

        return path switch
        {
            "metadata.name" => pod.Name.Name,
            "metadata.namespace" => pod.Name.Namespace,
            "metadata.uid" => pod.Uid,
            "metadata.labels" => Lines(pod.Labels),
            "metadata.annotations" => Lines(pod.Annotations),
            "spec.nodeName" => nodeName,
            "spec.serviceAccountName" => pod.ServiceAccount,
            "status.hostIP" => nodeAddress,
            "status.hostIPs" => nodeAddress,
            "status.podIP" => podAddresses[0],
            "status.podIPs" => string.Join(',', podAddresses),
            _ => null,
        };
    }

    /// <summary>A limit without a value means the machine's, as the kubelet says it.</summary>
    public string Resource(ResourceReference reference, ContainerSpec own)
    {
        ContainerSpec container = pod.AllContainers.FirstOrDefault(c => c.Name == (reference.Container ?? own.Name)) ?? own;
        bool isLimit = reference.Resource.StartsWith("limits.", StringComparison.Ordinal);
        string name = reference.Resource[(reference.Resource.IndexOf('.', StringComparison.Ordinal) + 1)..];
        string? text = isLimit
            ? container.Limits.GetValueOrDefault(name)
            : container.Requests.GetValueOrDefault(name) ?? container.Limits.GetValueOrDefault(name);
        decimal value = text is null ? MachineValue(name, isLimit) : Quantity(text, own);
        decimal divisor = Quantity(reference.Divisor is "0" or "" ? "1" : reference.Divisor, own);
        return Math.Ceiling(value / divisor).ToString("0", CultureInfo.InvariantCulture);
    }

    private static decimal Quantity(string text, ContainerSpec at)
    {
        string number = text.TrimEnd("KMGTPEkimn".ToCharArray());
        string suffix = text[number.Length..];
        decimal? factor = suffix switch
        {
            "" => 1,
            "n" => 0.000000001m,
            "m" => 1m / MilliPerUnit,
            "k" => 1000,
            "M" => 1000_000,
            "G" => 1000_000_000,
            "T" => 1000_000_000_000,
            "Ki" => 1024,
            "Mi" => 1024 * 1024,
            "Gi" => 1024L * 1024 * 1024,
            "Ti" => 1024L * 1024 * 1024 * 1024,
            _ => null,
        };
        return factor is decimal f && decimal.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out decimal value)
            ? value * f
            : throw new ManifestException(at.Position, $"Container '{at.Name}': '{text}' is not a quantity such as 100m or 128Mi.");
    }

    private static decimal MachineValue(string name, bool isLimit) => name switch
    {
        _ when !isLimit => 0,
        "cpu" => Environment.ProcessorCount,
        "memory" => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
        _ => 0,
    };

    private static bool TryMapKey(string path, string map, out string key)
    {
        bool isKey = path.StartsWith(map + "['", StringComparison.Ordinal) && path.EndsWith("']", StringComparison.Ordinal);
        key = isKey ? path[(map.Length + 2)..^2] : string.Empty;
        return isKey;
    }

    /// <summary>key="value" lines with Go's quoting, sorted, as the kubelet writes them and the agent reads them.</summary>
    private static string Lines(IReadOnlyDictionary<string, string> map)
    {
        var text = new StringBuilder();
        foreach ((string key, string value) in map.OrderBy(e => e.Key, StringComparer.Ordinal))
        {
            text.Append(key).Append("=\"");
            foreach (char c in value)
            {
                _ = c switch
                {
                    '"' => text.Append("\\\""),
                    '\\' => text.Append("\\\\"),
                    '\n' => text.Append("\\n"),
                    '\r' => text.Append("\\r"),
                    '\t' => text.Append("\\t"),
                    < ' ' => text.Append(CultureInfo.InvariantCulture, $"\\x{(int)c:x2}"),
                    _ => text.Append(c),
                };
            }

            text.Append("\"\n");
        }

        return text.ToString();
    }
}
