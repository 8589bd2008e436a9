using Pilotfish.Api.Yaml;

namespace Pilotfish.ControlPlane.Tests.Injection;

/// <summary>Compares manifests as data, after both went through the clean-up that the conformance README prescribes.</summary>
internal static class ManifestComparison
{
    private static readonly string[] s_jsonVariables =
        ["PROXY_CONFIG", "ISTIO_META_POD_PORTS", "ISTIO_KUBE_APP_PROBERS", "ISTIO_PROMETHEUS_ANNOTATIONS"];

    private static readonly string[] s_jsonAnnotations = ["sidecar.istio.io/status", "proxy.istio.io/overrides"];

    private static readonly string[] s_ownContainers = ["istio-init", "istio-proxy", "istio-validation"];

    /// <summary>The first difference as a path with both values; null where there is none.</summary>
    public static string? FindDifference(string actual, string expected, bool comparesImages)
    {
        var left = Documents(actual);
        var right = Documents(expected);
        if (left.Count != right.Count)
        {
            return $"{left.Count} documents in place of {right.Count}";
        }

        for (var i = 0; i < left.Count; i++)
        {
            var (a, b) = (Clean(left[i], comparesImages), Clean(right[i], comparesImages));
            if (Difference(a, b, $"[{i}]") is { } difference)
            {
                return difference;
            }
        }

        return null;
    }

    private static List<YamlNode> Documents(string text)
    {
        var parsed = YamlDocuments.Parse(text, "manifest");
        Assert.True(parsed.IsOk, parsed.IsOk ? "" : parsed.Errors[0].ToString());
        return parsed.Documents.Where(document => !document.IsNull).ToList();
    }

    private static YamlNode Clean(YamlNode node, bool comparesImages)
    {
        switch (node)
        {
            case YamlMapping mapping:
                return CleanMapping(mapping, comparesImages);
            case YamlSequence sequence:
                return new YamlSequence(
                    sequence.Items.Where(item => !item.IsNull).Select(item => Clean(item, comparesImages)));
            default:
                return node;
        }
    }

    private static YamlMapping CleanMapping(YamlMapping mapping, bool comparesImages)
    {
        var result = new YamlMapping();
        foreach (var entry in mapping.Entries)
        {
            if (entry.Key is "status" or "creationTimestamp")
            {
                continue;
            }

            var value = Parsed(mapping, entry) ?? entry.Value;
            var cleaned = Clean(value, comparesImages);
            if (entry.Key is "volumes" or "volumeMounts" && cleaned is YamlSequence list)
            {
                cleaned = new YamlSequence(list.Items.OrderBy(YamlEmitterText, StringComparer.Ordinal));
            }

            if (!IsEmpty(cleaned))
            {
                result[entry.Key] = cleaned;
            }
        }

        if (!comparesImages && s_ownContainers.Contains(result.Text("name")) && result.ContainsKey("image"))
        {
            result.Set("image", "any");
        }

        return result;
    }

    private static string YamlEmitterText(YamlNode node) => YamlEmitter.Emit(node, sortKeys: true);

    private static YamlNode? Parsed(YamlMapping parent, YamlEntry entry)
    {
        var isVariable = entry.Key == "value" && s_jsonVariables.Contains(parent.Text("name"));
        if ((!isVariable && !s_jsonAnnotations.Contains(entry.Key)) || entry.Value is not YamlScalar scalar)
        {
            return null;
        }

        var parsed = YamlDocuments.Parse(scalar.Text, entry.Key);
        return parsed.IsOk && parsed.Documents is [var json] ? json : null;
    }

    private static bool IsEmpty(YamlNode node) =>
        node.IsNull || node is YamlMapping { Count: 0 } or YamlSequence { Items.Count: 0 };

    private static string? Difference(YamlNode? actual, YamlNode? expected, string path)
    {
        if (actual is YamlMapping a && expected is YamlMapping b)
        {
            return a.Entries.Select(entry => entry.Key).Union(b.Entries.Select(entry => entry.Key))
                .Select(key => Difference(a[key], b[key], $"{path}.{key}"))
                .FirstOrDefault(difference => difference is not null);
        }

        if (actual is YamlSequence x && expected is YamlSequence y)
        {
            for (var i = 0; i < Math.Max(x.Items.Count, y.Items.Count); i++)
            {
                if (Difference(x.Items.ElementAtOrDefault(i), y.Items.ElementAtOrDefault(i), $"{path}[{i}]") is { } difference)
                {
                    return difference;
                }
            }

            return null;
        }

        var isEqual = actual is null ? expected is null : actual.ContentEquals(expected);
        return isEqual ? null : $"{path}: {Show(actual)} in place of {Show(expected)}";
    }

    private static string Show(YamlNode? node) => node is null ? "nothing" : YamlEmitter.Emit(node, sortKeys: true).TrimEnd();
}
