namespace Pilotfish.Proxy.Xds;

/// <summary>What is counted of a subscription. Main loop.</summary>
public interface ISubscriptionStats
{
    /// <summary>A request asked for something.</summary>
    void Attempted();

    /// <summary>The stream ended or could not be opened.</summary>
    void Failed();

    /// <summary>initial_fetch_timeout passed.</summary>
    void TimedOut();

    /// <param name="version">Of the response.</param>
    /// <param name="now">Wall-clock time.</param>
    /// <param name="durationMilliseconds">What applying it took.</param>
    void Succeeded(string version, DateTimeOffset now, long durationMilliseconds);

    /// <summary>An update was refused, be it in part.</summary>
    void Rejected();
}
