namespace Pilotfish.Agent.Health;

/// <summary>What of a scraper's request the application gets to see.</summary>
internal sealed record ScrapeRequest(string Accept, string UserAgent, string TimeoutSeconds);
