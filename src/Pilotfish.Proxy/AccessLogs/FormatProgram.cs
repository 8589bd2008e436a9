using System.Text;
using Pilotfish.Language.Formats;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>
/// A format string compiled against the facts of a stream. Serves text access logs, header values, local-reply bodies,
/// rewrites and span names. Immutable; any loop may run it.
/// </summary>
public sealed class FormatProgram
{
    private readonly Step[] _steps;
    private readonly byte[] _missing;

    private FormatProgram(Step[] steps, byte[] missing)
    {
        _steps = steps;
        _missing = missing;
    }

    /// <summary>True when the text has no operator, so its value never changes.</summary>
    public bool IsConstant => _steps.Length == 0 || (_steps.Length == 1 && _steps[0].Operation is null);

    /// <summary>
    /// Compiles a format. Missing values print as '-' unless <paramref name="omitMissing"/>. A bad format is rejected with the
    /// field's path, the operator and its position.
    /// </summary>
    public static FormatProgram Compile(string format, string field, bool omitMissing = false)
    {
        try
        {
            return Compile(FormatTemplate.Parse(format), omitMissing);
        }
        catch (FormatSyntaxException e)
        {
            throw new ConfigRejectedException(field, e.Message, e);
        }
    }

    /// <summary>Appends the text for a stream.</summary>
    public void Append(FormatOutput output, StreamInfo info, AccessLogType type = AccessLogType.NotSet)
    {
        FormatSource source = new(info, type);
        Append(output, in source);
    }

    internal static FormatProgram Compile(FormatTemplate template, bool omitMissing)
    {
        Step[] steps = new Step[template.Parts.Count];
        for (int i = 0; i < steps.Length; i++)
        {
            FormatPart part = template.Parts[i];
            steps[i] = part.Operator is { } source
                ? new Step([], FormatOperators.Compile(source), source.MaxLength ?? int.MaxValue)
                : new Step(Encoding.UTF8.GetBytes(part.Literal!), null, 0);
        }

        return new FormatProgram(steps, omitMissing ? [] : "-"u8.ToArray());
    }

    internal void Append(FormatOutput output, in FormatSource source)
    {
        foreach (ref readonly Step step in _steps.AsSpan())
        {
            if (step.Operation is not { } operation)
            {
                output.Append(step.Literal);
                continue;
            }

            int start = output.Length;
            FormatValueKind kind = operation(in source, output);
            if (kind == FormatValueKind.Missing)
            {
                output.Append(_missing);
            }
            else if (kind == FormatValueKind.Text)
            {
                output.Truncate(start, step.LengthMax);
            }
        }
    }

    private readonly record struct Step(byte[] Literal, FormatOperation? Operation, int LengthMax);
}
