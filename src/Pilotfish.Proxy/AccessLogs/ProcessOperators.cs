using Pilotfish.Language.Formats;
using Pilotfish.Language.Formats.Arguments;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>Facts of the process, and the operator that picks the first of several.</summary>
internal static class ProcessOperators
{
    public static void AddTo(Dictionary<string, Func<FormatOperator, FormatOperation>> all)
    {
        string host = System.Environment.MachineName;
        all.AddText("HOSTNAME", _ => host);
        all.Add("ENVIRONMENT", Environment);
        all.Add("COALESCE", Coalesce);
    }

    private static FormatOperation Environment(FormatOperator source)
    {
        string? value = FormatEnvironment.Get(source.RequireArguments("a variable's name"));
        return (in FormatSource _, FormatOutput output) => OperatorTableExtensions.Write(output, value);
    }

    // The first that has a value.
    private static FormatOperation Coalesce(FormatOperator source)
    {
        IReadOnlyList<FormatOperator> candidates = CoalesceArguments.Parse(source);
        var all = new (FormatOperation Operation, int LengthMax)[candidates.Count];
        for (int i = 0; i < all.Length; i++)
        {
            all[i] = (FormatOperators.Compile(candidates[i]), candidates[i].MaxLength ?? int.MaxValue);
        }

        return (in FormatSource s, FormatOutput output) =>
        {
            foreach ((FormatOperation operation, int lengthMax) in all)
            {
                int start = output.Length;
                FormatValueKind kind = operation(in s, output);
                if (kind == FormatValueKind.Text)
                {
                    output.Truncate(start, lengthMax);
                }

                if (kind != FormatValueKind.Missing)
                {
                    return kind;
                }
            }

            return FormatValueKind.Missing;
        };
    }
}
