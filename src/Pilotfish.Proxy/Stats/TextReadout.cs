namespace Pilotfish.Proxy.Stats;

/// <summary>A statistic whose value is text, such as the version of the last accepted resources. Main loop writes.</summary>
public sealed class TextReadout
{
    private volatile string _value = "";

    public string Value
    {
        get => _value;
        set => _value = value;
    }
}
