namespace Pilotfish.Proxy.Tests.Reasons;

/// <summary>One thing that ends a request or connection.</summary>
/// <param name="Label">What happens.</param>
/// <param name="Record">What the log must say: <c>RESPONSE_CODE RESPONSE_FLAGS RESPONSE_FLAGS_LONG RESPONSE_CODE_DETAILS</c>.</param>
/// <param name="Happens">Makes it happen; the record may come later.</param>
internal sealed record Cause(string Label, string Record, Func<CauseBench, Task> Happens)
{
    /// <summary>Names of the flags that the record shows.</summary>
    public string[] Flags => Record.Split(' ')[1].Split(',');

    public string Details => Record.Split(' ')[3];
}
