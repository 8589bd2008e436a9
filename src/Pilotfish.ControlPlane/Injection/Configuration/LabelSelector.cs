using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Merging;

namespace Pilotfish.ControlPlane.Injection.Configuration;

/// <summary>A Kubernetes label selector. An empty one selects nothing here, because an empty entry of a selector list must
/// not switch injection for every pod.</summary>
public sealed class LabelSelector
{
    private readonly IReadOnlyList<Requirement> _requirements;

    private LabelSelector(IReadOnlyList<Requirement> requirements)
    {
        _requirements = requirements;
    }

    private enum Operator
    {
        In,
        NotIn,
        Exists,
        DoesNotExist,
    }

    /// <exception cref="InjectionException">An operator is unknown, or has values where it takes none.</exception>
    public static LabelSelector Parse(YamlMapping selector)
    {
        var requirements = new List<Requirement>();
        foreach (var entry in selector.Mapping("matchLabels")?.Entries ?? [])
        {
            requirements.Add(new Requirement(entry.Key, Operator.In, [(entry.Value as YamlScalar)?.Text ?? ""]));
        }

        foreach (var expression in selector.Items("matchExpressions"))
        {
            var values = expression.Sequence("values")?.Items.OfType<YamlScalar>().Select(value => value.Text).ToList() ?? [];
            var name = expression.Text("operator") ?? "";
            if (!Enum.TryParse<Operator>(name, out var operation) || !Enum.IsDefined(operation))
            {
                throw new InjectionException(
                    $"'{name}' is not a label selector operator; use In, NotIn, Exists or DoesNotExist.");
            }

            if ((operation is Operator.In or Operator.NotIn) != (values.Count > 0))
            {
                throw new InjectionException($"a label selector with the operator {name} needs "
                    + (values.Count > 0 ? "no values." : "at least one value."));
            }

            requirements.Add(new Requirement(expression.Text("key") ?? "", operation, values));
        }

        return new LabelSelector(requirements);
    }

    public bool Matches(IReadOnlyDictionary<string, string> labels) =>
        _requirements.Count > 0 && _requirements.All(requirement => requirement.IsMet(labels));

    private sealed record Requirement(string Key, Operator Operation, IReadOnlyList<string> Values)
    {
        public bool IsMet(IReadOnlyDictionary<string, string> labels)
        {
            var isPresent = labels.TryGetValue(Key, out var value);
            return Operation switch
            {
                Operator.In => isPresent && Values.Contains(value),
                Operator.NotIn => !isPresent || !Values.Contains(value),
                Operator.Exists => isPresent,
                _ => !isPresent,
            };
        }
    }
}
