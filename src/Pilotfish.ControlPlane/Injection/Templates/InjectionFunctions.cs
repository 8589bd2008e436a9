using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Configuration;
using Pilotfish.Language.GoTemplates;

namespace Pilotfish.ControlPlane.Injection.Templates;

/// <summary>The functions that Istio's injection templates call beside the standard ones, under Istio's names.</summary>
internal static class InjectionFunctions
{
    /// <summary>All functions of injection templates.</summary>
    /// <param name="environment">Reads a variable of the injector's own environment, for the function `env`.</param>
    public static GoFunctionSet Create(Func<string, string?> environment)
    {
        var set = GoFunctionSet.CreateStandard();
        AddLookups(set, environment);
        AddCapture(set);
        AddConversions(set);
        AddMaps(set);
        set.Add("otelResourceAttributes", 5, a =>
            GoValue.From(OpenTelemetryAttributes.Compute(a[0], a[1], a[2], Text(a[3]), a[4])));
        return set;
    }

    private static void AddLookups(GoFunctionSet set, Func<string, string?> environment)
    {
        set.Add("isset", 2, a => GoValue.From(a[0].Kind == GoKind.Map && a[0].AsMap.ContainsKey(Text(a[1]))));
        set.Add("annotation", 3, a => Annotation(a[0], Text(a[1]), a[2]));
        set.Add("valueOrDefault", 2, a => a[0].IsNil || a[0] is { Kind: GoKind.String, AsString: "" } ? a[1] : a[0]);
        set.Add("env", 2, a => GoValue.From(environment(Text(a[0])) is { Length: > 0 } value ? value : Text(a[1])));
        set.Add("contains", 2, a => GoValue.From(Text(a[1]).Contains(Text(a[0]), StringComparison.Ordinal)));
        set.Add("toLower", 1, a => GoValue.From(Text(a[0]).ToLowerInvariant()));
        set.Add("directory", 1, a => GoValue.From(Text(a[0])[..(Text(a[0]).LastIndexOf('/') + 1)]));
        set.Add("indent", 2, a => GoValue.From(IndentAfterFirstLine(a[0], Text(a[1]))));
    }

    private static void AddCapture(GoFunctionSet set)
    {
        set.Add("excludeInboundPort", 2, a => GoValue.From(ExcludeInboundPort(a[0], Text(a[1]))));
        set.Add("includeInboundPorts", 1, a => GoValue.From(ContainerPorts(a[0], includesProxy: true)));
        set.Add("applicationPorts", 1, a => GoValue.From(ContainerPorts(a[0], includesProxy: false)));
        set.Add("kubevirtInterfaces", 1, a => a[0]);
        set.Add("excludeInterfaces", 1, a => a[0]);
        set.Add("appendMultusNetwork", 2, a => GoValue.From(MultusNetworks.Append(Text(a[0]), Text(a[1]))));
    }

    private static void AddConversions(GoFunctionSet set)
    {
        set.Add("formatDuration", 1, a => GoValue.From(GoFormat.Print(a[0])));
        set.Add("toJSON", 1, a => GoValue.From(a[0].IsNil ? "{}" : Json(a[0])));
        set.Add("structToJSON", 1, a => GoValue.From(a[0].IsNil ? "{}" : Json(a[0])));
        set.Add("protoToJSON", 1, a => GoValue.From(ProxyConfigMerge.IsProxyConfig(a[0])
            ? Json(ProxyConfigMerge.WithoutDefaults(a[0]))
            : a[0].IsTrue ? Json(a[0]) : "{}"));
        set.Add("fromJSON", 1, a => GoJson.TryParse(Text(a[0]), out var value, out _) ? value : GoValue.From("{}"));
        set.Add("toYaml", 1, a => GoValue.From(ToYaml(a[0])));
        set.Add("omitNil", 1, a => OmitNil(a[0]));
    }

    private static void AddMaps(GoFunctionSet set)
    {
        set.AddVariadic("strdict", 0, a =>
        {
            var map = new GoMap(hasStringValues: true);
            for (var i = 0; i < a.Count; i += 2)
            {
                map[Text(a[i])] = i + 1 < a.Count ? a[i + 1] : GoValue.From("");
            }

            return GoValue.From(map);
        });
        set.AddVariadic("mergeMaps", 0, a => GoValue.From(MergeMaps(a)));
        set.AddVariadic("toJsonMap", 0, a => GoValue.From(Json(GoValue.From(MergeMaps(a)))));
    }

    private static string Text(GoValue value) => value.IsNil ? "" : GoFormat.Print(value);

    private static string Json(GoValue value) => GoJson.Serialize(value, isIndented: false, escapesHtml: true);

    /// <summary>An annotation of the pod, or a default as text where it is absent.</summary>
    private static GoValue Annotation(GoValue metadata, string name, GoValue otherwise)
    {
        if (metadata.Kind == GoKind.Object && metadata.AsObject.TryGetField("Annotations", out var annotations)
            && annotations.AsMap.TryGetValue(name, out var value))
        {
            return value;
        }

        return GoValue.From(GoFormat.Print(otherwise));
    }

    /// <summary>The excluded ports with the status port added, unless it is there or off.</summary>
    private static string ExcludeInboundPort(GoValue port, string excluded)
    {
        var added = GoFormat.Print(port).Trim();
        if (added.Length == 0 || added == "0")
        {
            return excluded;
        }

        var ports = excluded.Split(',');
        return ports.Contains(added)
            ? excluded
            : string.Join(',', ports.Select(p => p.Trim()).Where(p => p.Length > 0).Append(added));
    }

    private static string ContainerPorts(GoValue containers, bool includesProxy)
    {
        var ports = new List<string>();
        foreach (var container in containers.IsNil ? [] : containers.AsList)
        {
            if (!includesProxy && Text(Field(container, "Name")) == "istio-proxy")
            {
                continue;
            }

            ports.AddRange(Field(container, "Ports").AsList
                .Where(port => Text(Field(port, "Protocol")) is not ("UDP" or "SCTP"))
                .Select(port => GoFormat.Print(Field(port, "ContainerPort"))));
        }

        return string.Join(',', ports);
    }

    private static GoValue Field(GoValue value, string name) =>
        value.Kind == GoKind.Object && value.AsObject.TryGetField(name, out var field) ? field : GoValue.EmptyList;

    private static string IndentAfterFirstLine(GoValue spaces, string text)
    {
        if (spaces.Kind != GoKind.Int || spaces.AsInt is < 0 or > 1000)
        {
            throw new GoFunctionException("the number of spaces must be between 0 and 1000");
        }

        return text.Replace("\n", "\n" + new string(' ', (int)spaces.AsInt), StringComparison.Ordinal);
    }

    /// <summary>Block-style YAML, which templates indent and put under keys of their own.</summary>
    private static string ToYaml(GoValue value)
    {
        var parsed = YamlDocuments.Parse(Json(value), "toYaml");
        return parsed.IsOk && parsed.Documents.Count == 1 ? YamlEmitter.Emit(parsed.Documents[0]) : "null\n";
    }

    /// <summary>Values without nils, and without the maps and lists that this empties.</summary>
    private static GoValue OmitNil(GoValue value)
    {
        if (value.Kind == GoKind.List)
        {
            var kept = value.AsList.Select(OmitNil).Where(item => !item.IsNil).ToArray();
            return kept.Length == 0 && value.AsList.Count > 0 ? GoValue.Nil : GoValue.From(kept);
        }

        if (value.Kind != GoKind.Map)
        {
            return value;
        }

        var map = new GoMap(value.AsMap.HasStringValues);
        foreach (var (key, item) in value.AsMap.Entries)
        {
            if (OmitNil(item) is { IsNil: false } kept)
            {
                map[key] = kept;
            }
        }

        return map.Count == 0 && value.AsMap.Count > 0 ? GoValue.Nil : GoValue.From(map);
    }

    private static GoMap MergeMaps(IReadOnlyList<GoValue> maps)
    {
        var merged = new GoMap(hasStringValues: true);
        foreach (var map in maps.Where(map => map.Kind == GoKind.Map))
        {
            foreach (var (key, value) in map.AsMap.Entries)
            {
                merged[key] = value;
            }
        }

        return merged;
    }
}
