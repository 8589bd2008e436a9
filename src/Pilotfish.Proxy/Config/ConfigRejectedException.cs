namespace Pilotfish.Proxy.Config;

/// <summary>
/// Config that cannot be used: the path of the field at fault and one sentence. Becomes one line of a NACK, or one problem of
/// a bootstrap.
/// </summary>
public sealed class ConfigRejectedException : Exception
{
    public ConfigRejectedException(string field, string problem)
        : base(field.Length == 0 ? problem : $"{field}: {problem}")
    {
        Field = field;
        Problem = problem;
    }

    public ConfigRejectedException(string field, string problem, Exception cause)
        : base(field.Length == 0 ? problem : $"{field}: {problem}", cause)
    {
        Field = field;
        Problem = problem;
    }

    public string Field { get; }

    public string Problem { get; }

    /// <summary>The same problem seen from the message that holds the one in which it was found.</summary>
    public ConfigRejectedException Within(string outerField) =>
        new(Field.Length == 0 ? outerField : $"{outerField}.{Field}", Problem, this);
}
