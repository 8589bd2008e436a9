using Google.Protobuf.Reflection;
using Pilotfish.Api.Messages;
using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Sources.Objects;

namespace Pilotfish.ControlPlane.Validation;

/// <summary>Whether an Istio object can be used: the types of its fields, then the rules of its kind.</summary>
public static class ConfigValidator
{
    /// <summary>Sentences about what is wrong, each with the path of the field; none for a good object.</summary>
    public static IReadOnlyList<string> Check(YamlMapping document)
    {
        var (apiVersion, kind) = (document.Text("apiVersion") ?? "", document.Text("kind") ?? "");
        ObjectKinds.Find(apiVersion, kind, out MessageDescriptor? type);
        if (type is null)
        {
            // Kinds that are not read here configure nothing here; a newer definition is no reason to refuse its objects.
            return [];
        }

        var spec = document["spec"] is { IsNull: false } given ? given : new YamlMapping(document.Position);
        var read = MessageReader.Read(spec, type, ReadOptions.Istio);
        if (!read.IsOk)
        {
            return [.. read.Errors.Select(error => $"{ProblemPath.Of(spec, "spec", error.Position)}: {error.Message}")];
        }

        return [.. CheckRules(kind, (YamlMapping)spec).Select(static problem => problem.ToString())];
    }

    /// <summary>The rules of a kind alone, for a spec whose fields have the right types.</summary>
    public static IReadOnlyList<ConfigProblem> CheckRules(string kind, YamlMapping spec)
    {
        var problems = new ConfigProblems();
        switch (kind)
        {
            case "VirtualService":
                VirtualServiceRules.Check(spec, problems);
                break;
            case "Telemetry":
                TelemetryRules.Check((YamlMapping)spec, problems);
                break;
            case "DestinationRule":
                DestinationRuleRules.Check(spec, problems);
                break;
            default:
                break;
        }

        return problems.All;
    }
}
